/** Which changes of a configuration make samples that were made ahead useless. */
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { changeSettings } from '../../configs/live-settings.ts';
import { samplingSettings } from '../../configs/sampling-settings.ts';
import { runConfigSchema } from '../../configs/schema.ts';

const config = readConfig(runConfigSchema, 'smoke', ['rollout.ahead=1']);
const after = (change: string) => samplingSettings(readConfig(runConfigSchema, 'smoke', ['rollout.ahead=1', change]));

test('samples stay where only the update, the budget or the machine changes', (t) => {
  const settings = samplingSettings(config);
  for (const change of [
    'optimizer.lr=0.002',
    'ppo.epochs=3',
    'corrector.budgetUsd=5',
    'engine.lanes=7',
    'envSteps=640',
  ])
    t.is(after(change), settings, change);
  t.is(samplingSettings(changeSettings(config, { 'optimizer.lr': 0.002 }, 0)), settings);
});

test('samples are made again if they would differ', (t) => {
  for (const change of ['rollout.temperature=0.7', 'seed=2', 'corrector.judgedShare=0.5', 'engine.rowsPerSample=8'])
    t.not(after(change), samplingSettings(config), change);
});
