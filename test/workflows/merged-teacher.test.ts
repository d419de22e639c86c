/**
 * Teachers merged from a run's own checkpoints, through what happens to runs: the same hashes after continue-as-new, a
 * reset and a fork; merges for people; and alarms that stop or change a run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { activityDependencies } from '../../workers/installation.ts';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { modelFolder } from '../../configs/project-folder.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { ArtifactStore } from '../../core/artifacts/store.ts';
import { readTensor } from '../../core/graph/safetensors.ts';
import { mergePolicies } from '../../core/policy/checkpoint/merge-policies.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { mergeWeights } from '../../core/policy/ties-merge.ts';
import { asParameters, startParameters, trainedParameters } from '../../core/policy/trained-parameters.ts';
import { getTrained } from '../../core/records/policy-state.ts';
import { type IterationRecord, readRunRecords } from '../../core/records/run-records.ts';
import type { train } from '../../workflows/train.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { gtr } from '../cli/gtr.ts';

let installation: Installation;
let store: ArtifactStore;
test.before(async () => {
  installation = await startInstallation();
  ({ store } = activityDependencies());
});
test.after.always(() => installation?.stop());

/** One execution of a run does ten iterations: the eleventh is another's. */
const ITERATIONS = 11;
const SMALL = [
  'rollout.envStepsPerIteration=8',
  'rollout.episodesPerWave=4',
  'ppo.epochs=1',
  'ppo.samplesPerStep=4',
  'evaluation.episodes=0',
];
const TURBO = ['algorithm=gtr-turbo-kl', 'checkpoints.keepLast=4', `envSteps=${8 * ITERATIONS}`];

const start = (id: string, changes: readonly string[]) =>
  withClient((client) =>
    startRun<typeof train>(client, 'train', id, [readConfig(runConfigSchema, 'smoke', [...SMALL, ...changes])], 'test'),
  );
const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());
const hashes = (records: readonly IterationRecord[]) =>
  records.map(({ teacher, policy }) => [teacher?.policy.sha256, policy.sha256]);

test.serial('continue-as-new, a reset and a fork give the same teachers and policies', async (t) => {
  await start('long', TURBO);
  await result('long');
  const { iterations } = await readRunRecords(store, 'long');
  t.is(iterations.length, ITERATIONS);
  t.deepEqual(
    iterations.map(({ teacher }) => teacher!.checkpoints),
    iterations.map((_, iteration) => iteration),
  );
  t.is(new Set(iterations.map(({ teacher }) => teacher!.policy.sha256)).size, ITERATIONS);

  // What the run did in two executions, the fork does in one.
  t.is((await gtr(['fork', 'long', '--at', '9', '--id', 'forked'])).code, 0);
  await result('forked');
  const forked = await readRunRecords(store, 'forked');
  t.deepEqual(hashes(forked.iterations.slice(9)), hashes(iterations.slice(9)));

  t.is((await gtr(['reset', 'long', '--to', '9'])).code, 0);
  await result('long');
  t.deepEqual(hashes((await readRunRecords(store, 'long')).iterations), hashes(iterations));
});

test.serial('samples made ahead are the same ones after a reset and in a fork, for a merged teacher too', async (t) => {
  await start('ahead', ['algorithm=gtr-turbo-kl', 'checkpoints.keepLast=4', 'envSteps=40', 'rollout.ahead=1']);
  await result('ahead');
  const { iterations } = await readRunRecords(store, 'ahead');
  t.deepEqual(
    iterations.map(({ metrics }) => [metrics['rollout/staleness'], metrics['teacher/checkpoints']]),
    [0, 1, 1, 1, 1].map((staleness, iteration) => [staleness, iteration]),
  );
  const sampled = (records: readonly IterationRecord[]) =>
    records.map(({ waves, policy, teacher }) => [
      waves.map(({ episodes }) => episodes.sha256),
      policy.sha256,
      teacher!.policy.sha256,
    ]);
  t.is((await gtr(['fork', 'ahead', '--at', '3', '--id', 'ahead-forked'])).code, 0);
  await result('ahead-forked');
  const forked = await readRunRecords(store, 'ahead-forked');
  t.deepEqual(sampled(forked.iterations), sampled(iterations));
  t.is((await gtr(['reset', 'ahead', '--to', '3'])).code, 0);
  await result('ahead');
  t.deepEqual(sampled((await readRunRecords(store, 'ahead')).iterations), sampled(iterations));
});

test.serial(
  'gtr merge writes the TIES merge of chosen policies as a checkpoint, and says what it cannot',
  async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gtr-merged-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const merged = await gtr(['merge', 'long', '--iterations', '9-11', '--out', folder, '--density', '0.5']);
    t.deepEqual(merged, { code: 0, out: `${folder}\n`, err: '' });
    const { iterations } = await readRunRecords(store, 'long');
    const { model, seed } = iterations[0].config;
    const checkpoint = openCheckpoint(modelFolder(model.base));
    const names = trainedParameters(checkpoint, model.train, model.valueHead);
    const expected = mergePolicies({
      start: asParameters(names, startParameters(checkpoint, names, seed)),
      policies: await Promise.all(iterations.slice(8).map(({ policy }) => getTrained(store, policy))),
      weights: mergeWeights('uniform', 3),
      density: 0.5,
    });
    const written = openCheckpoint(folder);
    for (const [name, { data }] of expected) {
      const location = written.parameters.get(name) ?? written.valueHead!.get(name)!;
      const isSame = readTensor(location).every((value, index) => value === data[index]);
      t.true(isSame, name);
    }

    const beyond = await gtr(['merge', 'long', '--iterations', '3-99', '--out', folder]);
    t.is(beyond.code, 2);
    t.regex(beyond.err, /^gtr: --iterations 3-99: long has 11 whole iterations; give a part of 1-11\.$/);
    const gone = await gtr(['merge', 'long', '--iterations', '2-11', '--out', folder]);
    t.is(gone.code, 2);
    t.regex(gone.err, /^gtr: --iterations 2-11: the weights after 2, 3, 4, 5, 6, 7 were not kept;/);
    for (const wrong of ['9', '0-3', '5-4', 'a-b'])
      t.is((await gtr(['merge', 'long', '--iterations', wrong, '--out', folder])).code, 2, wrong);
  },
);

/** Always fires in the second iteration. */
const ALARM = { metric: 'response/tokens', below: 100, iterations: 1 };

test.serial('an alarm pauses the run with its reason, until somebody resumes it', async (t) => {
  await start('alarmed', ['algorithm=ppo', 'envSteps=24', `collapse.alarm=${JSON.stringify([ALARM])}`]);
  const progress = () => withClient((client) => client.workflow.getHandle<typeof train>('alarmed').query('progress'));
  type Paused = { status: string; iteration: number; halted: string | null };
  let paused: Paused;
  do paused = (await progress()) as Paused;
  while (paused.halted === null);
  t.like(paused, { status: 'paused', iteration: 2 });
  t.regex(
    paused.halted!,
    /^collapse alarm: response\/tokens was below 100 of its first value .* `gtr resume` continues it/,
  );
  t.is((await gtr(['resume', 'alarmed'])).code, 0);
  t.is((await result('alarmed')).iterations, 3);
});

test.serial('an alarm raises the weight of corrected thoughts by its factor, from the next iteration on', async (t) => {
  const alarm = [{ ...ALARM, raiseSft: 3 }];
  await start('raised', ['envSteps=24', `collapse.alarm=${JSON.stringify(alarm)}`]);
  t.is((await result('raised')).status, 'done');
  const { iterations } = await readRunRecords(store, 'raised');
  t.deepEqual(
    iterations.map(({ metrics }) => metrics['update/sftCoef']),
    [100, 100, 300],
  );
});
