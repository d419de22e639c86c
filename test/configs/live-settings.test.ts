/** The settings that change while a run is going on. */
import test from 'ava';
import { changeSettings, fieldOf, LIVE_SETTINGS, withField } from '../../configs/live-settings.ts';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';

const config = parseConfig(
  runConfigSchema,
  { environment: { name: 'points24' }, model: { base: 'models/points24-tiny', prompt: 'points24-tiny' } },
  'test',
);
const refusal = (changes: unknown, done = 0) => {
  try {
    changeSettings(config, changes, done);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

test('every live setting is a field of the configuration', (t) => {
  for (const field of Object.keys(LIVE_SETTINGS)) t.not(fieldOf(config, field), undefined, field);
});

test('a change replaces only its fields', (t) => {
  const changed = changeSettings(config, { 'optimizer.lr': 0.5, envSteps: 2048 }, 2048);
  t.deepEqual(changed, { ...config, envSteps: 2048, optimizer: { ...config.optimizer, lr: 0.5 } });
  t.is(config.optimizer.lr, 1e-5); // untouched
});

test('an invalid setting is refused in one sentence', (t) => {
  t.is(refusal({ 'ppo.epochs': 0 }), 'set: ppo.epochs: Too small: expected number to be >=1.');
  t.is(
    refusal({ envSteps: 1024 }, 2048),
    'set: envSteps: the run has already done 2048; give at least that many, or end it with gtr stop.',
  );
  t.regex(
    refusal({ 'model.base': 'other' })!,
    /^set: model\.base cannot be changed while a run is going on; these can: /,
  );
  t.regex(refusal({ constructor: 1 })!, /^set: constructor cannot be changed/);
  for (const empty of [{}, [], null, 'optimizer.lr'])
    t.is(refusal(empty), 'set: takes one object of fields and values, such as {"optimizer.lr": 0.0001}.');
});

test('a field in something that is not a group is refused', (t) => {
  t.throws(() => withField({ seed: 1 }, 'seed.value', 2), { message: 'seed.value: seed is not a group of fields.' });
  t.deepEqual(withField({}, 'a.b.c', 1), { a: { b: { c: 1 } } });
});
