/** `gtr fork`: a new run from an iteration of another run, made from that run's records. */
import { isDeepStrictEqual } from 'node:util';
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { copyRecord, goesOnWith, whereItCanGoOn } from '../core/records/retention.ts';
import { putEvaluationRecord, removeLaterRecords, type RunRecords } from '../core/records/run-records.ts';
import { fieldOf } from '../configs/live-settings.ts';
import { storeId } from '../core/artifacts/store-id.ts';
import { afterIteration } from '../configs/mixture.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../configs/schema.ts';
import { NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { train } from '../workflows/train.ts';
import { advance, initialState, type TrainState } from '../workflows/train-state.ts';
import { applyChange } from './config-file.ts';
import { diskOfRun } from '../core/records/run-disk.ts';
import { sayDisk } from './disk.ts';
import { UsageError } from './errors.ts';
import { readRun } from './read-run.ts';
import { iterationCount } from './reset.ts';
import { isKnown, startRun } from './start-run.ts';
import { withClient } from './temporal.ts';
import { collect } from './train.ts';
import { quoted } from './quoted.ts';

/** Fields that the policy and the numbering of its iterations depend on. */
const FIXED_FIELDS = [
  'model.base',
  'model.adapter',
  'model.train',
  'model.valueHead',
  'environment.name',
  'environments',
  'rollout.envStepsPerIteration',
];

/** The games of `environments` in order: a state refers to its game by index. */
function fixedOf(config: RunConfig, field: string): unknown {
  return field === 'environments' ? config.environments?.map(({ name }) => name) : fieldOf(config, field);
}

export function register(program: Command): void {
  program
    .command('fork <run>')
    .description('start a new run from an iteration of another one')
    .requiredOption(
      '--at <iterations>',
      'whole iterations of the other run that the new one begins with',
      iterationCount,
    )
    .requiredOption('--id <run>', 'name of the new run')
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .action(async (run: string, { at, id, set }: { at: number; id: string; set: string[] }) => {
      await withClient((client) => forkRun(client, run, at, id, set));
      process.stdout.write(
        `Run ${id} continues after iteration ${at} of ${run}; follow it with \`./gtr watch ${quoted(id)}\`.\n`,
      );
    });
}

/**
 * The new run begins with copies of the first `at` iterations' records, so its curves begin where the other run's do.
 */
async function forkRun(client: Client, run: string, at: number, id: string, changes: readonly string[]): Promise<void> {
  const { records } = await readRun(client, run);
  const whole = records.iterations.length;
  if (at < 1 || at > whole)
    throw new UsageError(
      `--at ${at}: ${run} has ${whole} whole iterations; ${whole > 0 ? `give 1 to ${whole}` : 'wait for the first'}.`,
    );
  const kept = { ...records, iterations: records.iterations.slice(0, at) };
  const { config: ofThen, metrics, teacher } = kept.iterations[at - 1];
  const earlier = afterIteration(ofThen, metrics);
  const config = parseConfig(runConfigSchema, changes.reduce(applyChange, earlier), `fork of ${run}`);
  // A merge of products cannot be split into A and B.
  const fixed = teacher?.whole ? [...FIXED_FIELDS, 'turbo.merge.adapters'] : FIXED_FIELDS;
  for (const field of fixed)
    if (!isDeepStrictEqual(fixedOf(config, field), fixedOf(earlier, field)))
      throw new UsageError(
        `--set ${field}: cannot change in a fork, because the ${field.startsWith('turbo') ? 'teacher' : 'policy'} of ` +
          `${run} depends on it; start a new run with gtr train.`,
      );
  const state = stateAfter(kept, config);
  const { store } = activityDependencies();
  sayDisk(diskOfRun(config, store));
  if (await isKnown(client, id)) throw new UsageError(`The run id "${id}" is in use; choose another --id.`);

  const copies = [];
  for (const record of kept.iterations) copies.push(await copyRecord(store, record, id));
  if (goesOnWith(copies, at, config).some(({ removed }) => removed)) {
    await removeLaterRecords(store, id, 0);
    throw new UsageError(`--at ${at}: ${whereItCanGoOn(run, records.iterations)}.`);
  }
  if (state.startEvaluation !== null) await putEvaluationRecord(store, id, 'start', state.startEvaluation);
  await startRun<typeof train>(client, 'train', id, [config, state], config.title, { GtrStore: await storeId(store) });
}

/** A run's state after these iterations; the other run has paid for judging them. */
function stateAfter({ iterations, evaluations }: RunRecords, { rollout }: RunConfig): TrainState {
  const [{ policy, optimizer }] = iterations;
  const state = iterations.reduce(
    (before, { metrics, ...record }) =>
      advance(
        before,
        {
          ...record,
          ahead: record.ahead && { ...record.ahead, corrector: NO_COUNTS },
          metrics,
          corrector: NO_COUNTS,
          seconds: metrics['time/iteration'] ?? 0,
        },
        rollout.envStepsPerIteration,
      ),
    initialState({ policy, optimizer, modelSha256: null }, []),
  );
  return { ...state, startEvaluation: evaluations.find(({ label }) => label === 'start')?.result ?? null };
}
