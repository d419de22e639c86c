/**
 * Workers tell their health and their metrics, and leave in good order: what an activity did so far is there for the
 * next attempt.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { WorkerHealth } from '../../workers/health-server.ts';
import type { train } from '../../workflows/train.ts';
import {
  activityRuns,
  hasResumePoint,
  type Installation,
  startInstallation,
  withClient,
} from '../../bench/harness/installation.ts';

let installation: Installation;
/** Of the first worker (orchestrator); the GPU worker has the next port. */
const addresses = { metrics: '', health: '' };
test.before(async () => {
  const port = await freePorts(6);
  Object.assign(addresses, { metrics: `127.0.0.1:${port}`, health: `127.0.0.1:${port + 3}` });
  installation = await startInstallation(addresses);
});
test.after.always(() => installation?.stop());

/** The first of `count` ports in a row that were free a moment ago. */
async function freePorts(count: number): Promise<number> {
  for (let port = 20_000 + (process.pid % 20_000); ; port += count) {
    const servers = Array.from({ length: count }, (_, index) => createServer().listen(port + index, '127.0.0.1'));
    const free = await Promise.all(
      servers.map((server) =>
        Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]),
      ),
    );
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (free.every(Boolean)) return port;
  }
}

const at = (address: string, worker: number) => address.replace(/\d+$/, (port) => String(Number(port) + worker));
const [ORCHESTRATOR, GPU] = [0, 1];
const health = async (worker: number) => {
  const response = await fetch(`http://${at(addresses.health, worker)}/healthz`);
  return { status: response.status, body: (await response.json()) as WorkerHealth };
};
const metrics = async (worker: number) => await (await fetch(`http://${at(addresses.metrics, worker)}/metrics`)).text();
/** Sum of a counter over all labels, or over those that match. */
const counted = (text: string, name: string, labels = '') =>
  [...text.matchAll(new RegExp(`^${name}\\{.*${labels}.*\\} (\\S+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
const updatesReceived = async () =>
  counted(await metrics(GPU), 'temporal_activity_task_received_total', 'activity_type="updatePolicy"');

/** One iteration without regular resume points, in the smallest optimizer steps: an epoch takes seconds. */
const CHANGES = [
  'envSteps=256',
  'rollout.envStepsPerIteration=256',
  'ppo.epochs=1',
  'evaluation.episodes=0',
  'ppo.samplesPerStep=1',
  'durability.resumePointSeconds=3600',
];
const start = (id: string) =>
  withClient((client) =>
    startRun<typeof train>(client, 'train', id, [readConfig(runConfigSchema, 'smoke', CHANGES)], 'test'),
  );
const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());

/** `shutdownForceTime` of the workers, with what starting and polling take. */
const LONGEST_LEAVE_MS = 20_000;

test.serial('SIGTERM: the running activity reports its resume point and the worker leaves in time', async (t) => {
  await start('undisturbed');
  const undisturbed = await result('undisturbed');

  const received = await updatesReceived();
  await start('shut-down');
  const pid = installation.supervisor.pidOf('gpu')!;
  await withClient((client) => activityRuns(client, 'shut-down/iteration-0', 'updatePolicy'));
  // The server calls it started when it sends it: a worker that leaves before it came in never runs it.
  while ((await updatesReceived()) === received) await setTimeout(1);
  const before = performance.now();
  process.kill(pid, 'SIGTERM');
  // Only the worker that leaves can have reported it; the next attempt starts from it.
  await withClient((client) => activityReported(client, 'shut-down/iteration-0'));
  t.true(performance.now() - before < LONGEST_LEAVE_MS);
  const shutDown = await result('shut-down');
  t.not(installation.supervisor.pidOf('gpu'), pid);
  t.deepEqual([shutDown.policy, shutDown.optimizer], [undisturbed.policy, undisturbed.optimizer]);
});

/** Waits until a pending activity of the workflow has a resume point, whether it runs or waits for its next attempt. */
async function activityReported(client: Parameters<typeof activityRuns>[0], workflowId: string): Promise<void> {
  for (;;) {
    const { raw, status } = await client.workflow.getHandle(workflowId).describe();
    if (raw.pendingActivities?.some(({ heartbeatDetails }) => hasResumePoint(heartbeatDetails))) return;
    if (status.name !== 'RUNNING') throw new Error('the iteration ended without a resume point');
  }
}

test.serial("metrics: the SDK's, and the work of the project", async (t) => {
  const [orchestrator, gpu] = [await metrics(ORCHESTRATOR), await metrics(GPU)];
  t.true(counted(gpu, 'temporal_activity_execution_latency_seconds_count') > 0);
  t.is(counted(orchestrator, 'gtr_iterations_total'), 2);
  t.regex(orchestrator, /^gtr_episode_success\{.*run="shut-down".*\} /m);
});

test.serial('health: 200 while the worker polls and its server answers, else 503', async (t) => {
  t.like(await health(ORCHESTRATOR), {
    status: 200,
    body: { healthy: true, role: 'orchestrator', state: 'RUNNING', server: 'answers' },
  });
  t.like(await health(GPU), { status: 200, body: { role: 'gpu', pid: installation.supervisor.pidOf('gpu') } });
  const server = installation.supervisor.pidOf('server')!;
  process.kill(server, 'SIGSTOP');
  try {
    // A process stops some time after the signal was sent, and answers until then.
    let stopped = await health(GPU);
    while (stopped.status === 200) stopped = await health(GPU);
    t.like(stopped, { status: 503, body: { healthy: false, server: 'unreachable' } });
  } finally {
    process.kill(server, 'SIGCONT');
  }
});
