/** An evaluation that was interrupted ends with the same result. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { AgentCache } from '../../activities/agent-cache.ts';
import { createEvaluationCollectActivities, createEvaluationShareActivities } from '../../activities/evaluate-share.ts';
import { createEvaluationActivities } from '../../activities/evaluate-policy.ts';
import { createPreparationActivities } from '../../activities/prepare-run.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';

const config = readConfig(runConfigSchema, 'study-ezpoints', [
  'evaluation.episodes=8',
  'durability.resumePointSeconds=0',
  'engine.lanes=1',
]);
const home = mkdtempSync(path.join(tmpdir(), 'gtr-test-'));
const dependencies = { home, store: new FileStore(path.join(home, 'artifacts')) };
const agents = new AgentCache();
const { prepareRun } = createPreparationActivities(dependencies, agents);
const { playEvaluationShare } = createEvaluationShareActivities(dependencies, agents);
const { collectEvaluation } = createEvaluationCollectActivities(dependencies);
const { evaluatePolicy } = createEvaluationActivities(dependencies, agents);
test.after.always(() => agents.close());

type Returned<A extends (input: never) => Promise<unknown>> = Awaited<ReturnType<A>>;

/** `first`: where the first share is played. */
async function evaluateInShares(shares: number, first = new MockActivityEnvironment()) {
  const { policy } = (await new MockActivityEnvironment().run(prepareRun, { config })) as Returned<typeof prepareRun>;
  const parts = [];
  for (const part of [0, 1]) {
    const refs = [];
    for (let share = 0; share < shares; share++)
      refs.push(
        (await (part === 0 && share === 0 ? first : new MockActivityEnvironment()).run(playEvaluationShare, {
          config,
          policy,
          label: 'start',
          part,
          share,
          shares,
        })) as Returned<typeof playEvaluationShare>,
      );
    parts.push(refs);
  }
  return (await new MockActivityEnvironment().run(collectEvaluation, {
    config,
    runId: 'test',
    label: 'start',
    iterationsDone: null,
    parts,
  })) as Returned<typeof collectEvaluation>;
}

test.serial('an evaluation in shares plays every deal once, also after an interruption', async (t) => {
  const { policy } = (await new MockActivityEnvironment().run(prepareRun, { config })) as Returned<typeof prepareRun>;
  const whole = (await new MockActivityEnvironment().run(evaluatePolicy, {
    config,
    policy,
    runId: 'test',
    label: 'start',
    iterationsDone: null,
  })) as Returned<typeof evaluatePolicy>;
  t.deepEqual(await evaluateInShares(1), whole);
  const undisturbed = new MockActivityEnvironment();
  const points: unknown[] = [];
  undisturbed.on('heartbeat', (details: unknown) => details !== undefined && points.push(details));
  const shared = await evaluateInShares(3, undisturbed); // 8 episodes: 2, 3 and 3
  t.is(shared.episodes, whole.episodes);
  t.is(shared.heldOut!.episodes, whole.heldOut!.episodes);
  t.true(points.length > 0);
  const resumed = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: points[0] });
  t.deepEqual(await evaluateInShares(3, resumed), shared);
});

test.serial('held-out deals are played from the start after seen ones that were resumed', async (t) => {
  const { policy } = (await new MockActivityEnvironment().run(prepareRun, { config })) as Awaited<
    ReturnType<typeof prepareRun>
  >;
  const evaluate = async (environment: MockActivityEnvironment) =>
    await environment.run(evaluatePolicy, { config, policy, runId: 'test', label: 'start', iterationsDone: null });
  const undisturbed = new MockActivityEnvironment();
  const points: unknown[] = [];
  undisturbed.on('heartbeat', (details: unknown) => details !== undefined && points.push(details));
  const whole = await evaluate(undisturbed);
  t.true(points.length >= 2);
  for (const heartbeatDetails of [points[0], points.at(-1)])
    t.deepEqual(await evaluate(new MockActivityEnvironment({ attempt: 2, heartbeatDetails })), whole);
});
