/**
 * What a run leaves in the store is bounded by what it keeps: iterations let go of their weights, resume points of
 * those before them; runs that share artifacts do not harm each other; reset, fork and evaluate depend on what exists.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { diskOfRun } from '../../core/records/run-disk.ts';
import { megabytes } from '../../core/artifacts/megabytes.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { PROJECT } from '../../configs/project-folder.ts';
import { readRunRecords } from '../../core/records/run-records.ts';
import { activityDependencies } from '../../workers/installation.ts';
import type { train } from '../../workflows/train.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { gtr } from '../cli/gtr.ts';

/** Bytes that 12 iterations with `keepLast=3` may leave, in those of the model. */
const MOST_MODELS = 22;

let installation: Installation;
test.before(async () => {
  installation = await startInstallation();
});
test.after.always(() => installation?.stop());

const run = async (id: string, changes: string[]) => {
  const config = readConfig(runConfigSchema, 'smoke', ['evaluation.episodes=0', ...changes]);
  await withClient((client) => startRun<typeof train>(client, 'train', id, [config], 'test'));
  return await withClient((client) => client.workflow.getHandle<typeof train>(id).result());
};
const stored = async () => await Array.fromAsync(activityDependencies().store.list());
const bytes = (artifacts: { bytes: number }[]) => artifacts.reduce((sum, one) => sum + one.bytes, 0);

/** Runs it alone, and compares the store's size, during the run and at its end, with the disk plan. */
const runWithinPlan = async (t: ExecutionContext, id: string, changes: string[]) => {
  const before = bytes(await stored());
  const { most, left } = diskOfRun(
    readConfig(runConfigSchema, 'smoke', ['evaluation.episodes=0', ...changes]),
    activityDependencies().store,
  );
  let [fullest, ended] = [0, false];
  const running = run(id, changes).finally(() => (ended = true));
  for (; !ended; await Promise.race([sleep(20), running.catch(() => {})]))
    fullest = Math.max(fullest, bytes(await stored()) - before);
  const result = await running;
  const after = bytes(await stored()) - before;
  t.log(`${id}: ${[fullest, most, after, left].map(megabytes).join(', ')} (fullest, planned, left, planned)`);
  t.true(fullest <= most);
  t.true(fullest > 0.5 * most);
  t.true(after <= left);
  t.true(after > 0.5 * left);
  return result;
};

test.serial('12 smoke iterations with a resume point at every step leave what they keep', async (t) => {
  const changes = ['envSteps=768', 'durability.resumePointSeconds=0', 'checkpoints.keepLast=3'];
  const result = await runWithinPlan(t, 'long', [...changes, 'checkpoints.keepEvery=5']);
  t.is(result.iterations, 12);
  const model = statSync(path.join(PROJECT, 'models', 'points24-tiny', 'model.safetensors')).size;
  const left = bytes(await stored()) / model;
  t.log(`${left.toFixed(1)} times the model's bytes`);
  t.true(left <= MOST_MODELS);

  const { store } = activityDependencies();
  const { iterations } = await readRunRecords(store, 'long');
  const whole = iterations.flatMap((record) => (record.policy.removed || record.optimizer.removed ? [] : [record]));
  t.deepEqual(
    whole.map(({ iteration }) => iteration + 1),
    [5, 10, 11, 12], // the 10th as one of the last and as one of every five
  );
  for (const { policy, optimizer } of whole)
    t.deepEqual([await store.has(policy), await store.has(optimizer)], [true, true]);
  const holds = await store.holds('long');
  t.deepEqual([...new Set(holds.map(({ slot }) => slot))].sort(), [
    'iteration-10',
    'iteration-11',
    'iteration-4',
    'iteration-9',
  ]);
});

test.serial('the newest merged teacher stays, and what the next one is merged from', async (t) => {
  const turbo = ['algorithm=gtr-turbo-kl', 'turbo.merge.interval=2', 'checkpoints.keepLast=1', 'ppo.epochs=1'];
  const small = [
    'envSteps=112',
    'rollout.envStepsPerIteration=16',
    'rollout.episodesPerWave=8',
    'optimizer.scheduleIterations=7', // of every length
  ];
  await runWithinPlan(t, 'turbo', [...turbo, ...small]);
  const { store } = activityDependencies();
  const { iterations } = await readRunRecords(store, 'turbo');
  t.is(iterations.length, 7);
  const teachers = iterations.map(({ teacher }) => teacher!);
  // Merged before iterations 0, 2, 4 and 6, of the policies of the two iterations before.
  t.deepEqual(
    teachers.map(({ checkpoints }) => checkpoints),
    [0, 0, 2, 2, 4, 4, 6],
  );
  t.is(new Set(teachers.map(({ policy }) => policy.sha256)).size, 4);
  const there = async (kept: { policy: { sha256: string; bytes: number; kind: string; removed?: true } }[]) =>
    await Promise.all(kept.map(async ({ policy }) => [policy.removed ?? false, await store.has(policy)]));
  const [gone, stays] = [
    [true, false],
    [false, true],
  ];
  t.deepEqual(await there(teachers), [gone, gone, gone, gone, gone, gone, stays]);
  // The next merge, before iteration 8, takes the policies of iterations 6 and 7.
  t.deepEqual(await there(iterations), [gone, gone, gone, gone, gone, gone, stays]);
  t.regex((await gtr(['verify', 'turbo'])).out, /^turbo: \d+ artifacts, .*: all intact/m);

  // After six iterations, of which two are waiting to be merged.
  await run('waiting', [...turbo, ...small, 'envSteps=96', 'seed=2']);
  const waiting = await readRunRecords(store, 'waiting');
  t.deepEqual(await there(waiting.iterations), [gone, gone, gone, gone, stays, stays]);
  t.deepEqual(await there(waiting.iterations.map(({ teacher }) => teacher!)), [gone, gone, gone, gone, stays, stays]);
  t.is((await gtr(['fork', 'waiting', '--at', '6', '--id', 'turbo-fork', '--set', 'envSteps=112'])).code, 0);
  t.is((await gtr(['gc', '--older-than', '0m', '--drop', 'waiting', '--delete'])).code, 0);
  const forked = await withClient((client) => client.workflow.getHandle<typeof train>('turbo-fork').result());
  t.is(forked.policy.sha256, (await run('undisturbed', [...turbo, ...small, 'seed=2'])).policy.sha256);
});

test.serial('an update that GPU workers share keeps to its plan', async (t) => {
  await runWithinPlan(t, 'shared', ['parallel.gradients=3']);
});

test.serial('runs that share every artifact release it separately', async (t) => {
  const small = ['envSteps=48', 'rollout.envStepsPerIteration=16', 'rollout.episodesPerWave=8', 'ppo.samplesPerStep=4'];
  const [one, other] = await Promise.all([
    run('one', [...small, 'checkpoints.keepLast=3', 'durability.resumePointSeconds=0']),
    run('other', [...small, 'checkpoints.keepLast=1', 'durability.resumePointSeconds=0']),
  ]);
  t.is(one.policy.sha256, other.policy.sha256);
  const { store } = activityDependencies();
  const wholeWeights = async (id: string) => {
    const { iterations } = await readRunRecords(store, id);
    const there = iterations.map(
      async ({ policy, optimizer }) => (await store.has(policy)) && (await store.has(optimizer)),
    );
    return [await Promise.all(there), iterations.map(({ policy }) => policy.removed ?? false)];
  };
  t.deepEqual(await wholeWeights('one'), [
    [true, true, true],
    [false, false, false],
  ]);
  t.deepEqual(await wholeWeights('other'), [
    [true, true, true],
    [true, true, false],
  ]);

  const refused = async (...args: string[]) => {
    const { code, err } = await gtr(args);
    t.is(code, 2);
    return err;
  };
  const kept =
    'of other, policy and optimizer are kept after iteration 3 (checkpoints.keepLast and checkpoints.keepEvery)';
  t.is(await refused('reset', 'other', '--to', '1'), `gtr: --to 1: ${kept}; or give 0.`);
  t.is(await refused('fork', 'other', '--at', '2', '--id', 'fork'), `gtr: --at 2: ${kept}.`);
  t.is(
    await refused('evaluate', '--policy', 'other@2'),
    'gtr: --policy other@2: the weights of that iteration were not kept (checkpoints.keepLast, ' +
      'checkpoints.keepEvery); name one of other@3, or other@0.',
  );
  t.deepEqual(await store.holds('fork'), []);

  t.is((await gtr(['fork', 'one', '--at', '2', '--id', 'fork'])).code, 0);
  await withClient((client) => client.workflow.getHandle<typeof train>('fork').result());
  const dropped = await gtr(['gc', '--older-than', '0m', '--drop', 'one', '--drop', 'fork', '--delete']);
  t.is(dropped.code, 0, dropped.err);
  t.deepEqual((await wholeWeights('other'))[0], [false, false, true]); // the others were held by the dropped run alone
  t.regex((await gtr(['verify', 'other'])).out, /^other: \d+ artifacts, .*: all intact/m);
});
