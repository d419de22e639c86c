/**
 * Optimizer steps that workers share: warm workers, cold ones, one that computes all and two that take turns end with
 * the same bytes; applied gradients are removed from the store.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { AgentCache } from '../../activities/agent-cache.ts';
import {
  type ApplyGradientsInput,
  type ApplyGradientsResult,
  type ComputeGradientsInput,
  type ComputeGradientsResult,
  createSharedUpdateActivities,
  type SharedEpoch,
} from '../../activities/compute-gradients.ts';
import { createPreparationActivities } from '../../activities/prepare-run.ts';
import { createRolloutActivities } from '../../activities/roll-out-wave.ts';
import { putJson } from '../../core/artifacts/codecs.ts';
import { getJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { Episode } from '../../core/episodes/episode.ts';
import { untargetedSample } from '../../core/learner/ppo-samples.ts';

const config = readConfig(runConfigSchema, 'smoke', [
  'rollout.episodesPerWave=8',
  'rollout.envStepsPerIteration=12',
  'environment.maxEpisodeSteps=2',
  'ppo.samplesPerStep=2',
  'ppo.epochs=2',
  'engine.lanes=1',
  'engine.rowsPerShard=1',
  'parallel.gradients=2',
]);
const store = new FileStore(path.join(mkdtempSync(path.join(tmpdir(), 'gtr-test-')), 'artifacts'));
const dependencies = { home: '', store };
const agents = new AgentCache();
test.after.always(() => agents.close());

const run = <I, R>(activity: (input: I) => Promise<R>, input: I) =>
  new MockActivityEnvironment().run(activity, input) as Promise<R>;

type Worker = ReturnType<typeof createSharedUpdateActivities>;
const worker = (): Worker => createSharedUpdateActivities(dependencies, agents);

/** Six steps in two epochs, each group by the worker that `take` names, as the workflow asks for them. */
async function train(take: (call: number) => Worker) {
  const { prepareRun } = createPreparationActivities(dependencies, agents);
  const { rolloutWave } = createRolloutActivities(dependencies, agents);
  const { policy, optimizer } = await run(prepareRun, { config });
  const wave = await run(rolloutWave, { config, iteration: 0, wave: 0, policy });
  const samples = (await getJson<Episode[]>(store, wave.episodes))
    .flatMap(({ states, steps }) => steps.map((step, index) => ({ step, state: states[index] })))
    .slice(0, 12)
    .map(({ step, state }) => ({ ...untargetedSample(state, step), advantage: 1, return: 1 }));
  const place = {
    config,
    iteration: 0,
    iterations: 1,
    batch: await putJson(store, 'batch', { samples }),
    corrections: await putJson(store, 'corrections', { iterations: [] }),
    sampledBy: policy.sha256,
  };
  let calls = 0;
  let stored: SharedEpoch = { policy, optimizer, behind: null, skippedInARow: 0, step: 0, sums: {} };
  let metrics: ApplyGradientsResult['metrics'] = {};
  for (const epoch of [0, 1]) {
    let since: ComputeGradientsResult[][] = [];
    for (let step = 0; step < 6; step++) {
      const groups: ComputeGradientsResult[] = [];
      for (const group of [0, 1]) {
        const refs = since.map((done) => done.flatMap(({ gradient }) => gradient ?? []));
        const input: ComputeGradientsInput = { ...place, epoch, stored, since: refs, group, groups: 2 };
        groups.push(await run(take(calls++).computeGradients, input));
      }
      since.push(groups);
      if (since.length < 4 && step < 5) continue;
      const input: ApplyGradientsInput = { ...place, epoch, stored, since };
      const applied = await run(take(calls++).applyGradients, input);
      ({ metrics } = applied);
      stored = applied;
      since = [];
    }
    stored = { ...stored, step: 0, sums: {} };
  }
  return { policy: stored.policy.sha256, optimizer: stored.optimizer.sha256, metrics };
}

test('warm, cold or resumed workers: the same policy, optimizer and metrics', async (t) => {
  const alone = worker();
  const expected = await train(() => alone);
  const pair = [worker(), worker()];
  t.deepEqual(await train((call) => pair[call % 2]), expected); // the second never stores, then the first
  t.deepEqual(await train((call) => pair[(call >> 2) % 2]), expected); // one does both groups of some steps
  t.deepEqual(await train(() => worker()), expected); // nobody is warm
  const slots = (await store.holds()).map(({ slot }) => slot.split('/')[1]);
  // The state after the fourth step and what led to it, and the two steps since: stored with the last one.
  t.deepEqual([...new Set(slots.filter((slot) => slot?.startsWith('step-')))].sort(), [
    'step-1-3',
    'step-1-4',
    'step-1-5',
  ]);
});
