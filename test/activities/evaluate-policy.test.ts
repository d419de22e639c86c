/** An evaluation that was interrupted ends with the same result. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { AgentCache } from '../../activities/agent-cache.ts';
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
const { evaluatePolicy } = createEvaluationActivities(dependencies, agents);
test.after.always(() => agents.close());

test('held-out deals are played anew behind seen ones that were resumed', async (t) => {
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
