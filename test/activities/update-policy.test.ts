/** The update trains on samples of the policy that it begins with, and on no other. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ApplicationFailure } from '@temporalio/common';
import { AgentCache } from '../../activities/agent-cache.ts';
import type { Batch } from '../../activities/assemble-batch.ts';
import { createPreparationActivities } from '../../activities/prepare-run.ts';
import { createRolloutActivities } from '../../activities/roll-out-wave.ts';
import { createUpdateActivities } from '../../activities/update-policy.ts';
import { putJson } from '../../core/artifacts/codecs.ts';
import { getJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { Episode } from '../../core/episodes/episode.ts';
import { untargetedSample } from '../../core/learner/ppo-samples.ts';

const config = readConfig(runConfigSchema, 'smoke', [
  'rollout.episodesPerWave=4',
  'environment.maxEpisodeSteps=2',
  'ppo.samplesPerStep=2',
  'engine.lanes=1',
]);
const home = mkdtempSync(path.join(tmpdir(), 'gtr-test-'));
const store = new FileStore(path.join(home, 'artifacts'));
const dependencies = { home, store };
const agents = new AgentCache();
const { prepareRun } = createPreparationActivities(dependencies, agents);
const { rolloutWave } = createRolloutActivities(dependencies, agents);
const { updatePolicy } = createUpdateActivities(dependencies, agents);
test.after.always(() => agents.close());

const run = <I, R>(activity: (input: I) => Promise<R>, input: I) =>
  new MockActivityEnvironment().run(activity, input) as Promise<R>;

/** What `updatePolicy` needs for the first four steps of a wave. */
async function firstUpdate() {
  const { policy, optimizer } = await run(prepareRun, { config });
  const wave = await run(rolloutWave, { config, iteration: 0, wave: 0, policy });
  const steps = (await getJson<Episode[]>(store, wave.episodes)).flatMap(({ states, steps: own }) =>
    own.map((step, t_) => ({ step, state: states[t_] })),
  );
  const samples = steps
    .slice(0, 4)
    .map(({ step, state }) => ({ ...untargetedSample(state, step), advantage: 1, return: 1 }));
  const corrections = await putJson(store, 'corrections', { iterations: [] });
  const input = async (batch: Batch) => ({
    config,
    iteration: 0,
    iterations: 2,
    epoch: 0,
    batch: await putJson(store, 'batch', batch),
    corrections,
    policy,
    optimizer,
    sampledBy: policy.sha256,
  });
  return { policy, steps, samples, input };
}

test.serial(
  'every sample names the policy that made it; one of another policy is refused; what the update leaves in the ' +
    'engine is never sampled',
  async (t) => {
    const { policy, steps, samples, input } = await firstUpdate();
    t.true(steps.length >= 4);
    t.true(steps.every(({ step }) => step.sampledBy === policy.sha256));

    const updated = await run(updatePolicy, await input({ samples }));
    t.not(updated.policy.sha256, policy.sha256);

    const agent = await agents.get(config);
    const observation = {
      image: { width: 1, height: 1, data: new Uint8Array(3) },
      promptValues: {},
      noise: new Float32Array(72).fill(0.5),
    };
    await t.throwsAsync(
      agent.respond([observation], {
        maxNewTokens: 72,
        temperature: 1,
        repetitionPenalty: 1,
        penalizePrompt: false,
        thoughtCoef: 1,
      }),
      { message: /parameters that are being trained cannot be sampled from/ },
    );

    const stale = samples.map((sample, index) =>
      index === 3 ? { ...sample, sampledBy: updated.policy.sha256 } : sample,
    );
    const failure = await t.throwsAsync<ApplicationFailure>(run(updatePolicy, await input({ samples: stale })));
    t.like(failure, {
      type: 'Update.StaleSample',
      nonRetryable: true,
      message:
        `Sample 3 of the batch was sampled by policy ${updated.policy.sha256}, but the update begins with ` +
        `${policy.sha256}; start the iteration again`,
    });
  },
);
