/** Whether an installation runs on this machine already. */
import type { Client } from '@temporalio/client';
import os from 'node:os';
import { activityDependencies, temporalConfig, workflowQueue } from '../workers/installation.ts';
import { foreignWorker, isRunning, ownIdentity } from '../workers/worker-identity.ts';
import { UsageError } from './errors.ts';
import { queueOf } from '../workflows/queues.ts';
import { serverAnswers, withClient } from './temporal.ts';

/** Temporal's numbers: a task queue of workflows, one of activities; a pending activity that a worker has. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;
const STARTED = 2;

/** Throws a sentence if workers serve this installation's queues that must not share them. */
export async function refuseForeignWorkers(): Promise<void> {
  const own = await ownIdentity(activityDependencies().store);
  const reason = await withClient((client) => foreignWorker(client.workflowService, temporalConfig(), own));
  if (reason !== null) throw new UsageError(`Another installation is running: ${reason}`);
}

/** Whether workers of a running `gtr up` serve the workflows and the policy. */
export async function workersAnswer(): Promise<boolean> {
  if (!(await serverAnswers())) return false;
  return await withClient(async (client) => {
    const base = workflowQueue();
    const gpu = queueOf('gpu', base);
    return (
      (await isPolled(client, base, WORKFLOW_TASKS)) &&
      ((await isPolled(client, gpu, ACTIVITY_TASKS)) || (await isWorkedOn(client, gpu)))
    );
  });
}

async function isPolled(client: Client, name: string, taskQueueType: number): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: temporalConfig().namespace,
    taskQueue: { name },
    taskQueueType,
  });
  return (pollers ?? []).some(({ identity }) => isAlive(identity));
}

/**
 * Whether a worker runs an activity of the queue: a busy worker does not poll, and the server forgets it within
 * minutes.
 */
async function isWorkedOn(client: Client, queue: string): Promise<boolean> {
  for await (const { workflowId, runId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const pending = raw.pendingActivities ?? [];
    if (
      pending.some(
        ({ state, activityOptions, lastWorkerIdentity }) =>
          state === STARTED && activityOptions?.taskQueue?.name === queue && isAlive(lastWorkerIdentity),
      )
    )
      return true;
  }
  return false;
}

/** Worker identities begin with pid@host: the server remembers dead ones for minutes. */
function isAlive(identity: string | null | undefined): boolean {
  const [, pid, host] = /^(\d+)@(\S+)/.exec(identity ?? '') ?? [];
  return host === os.hostname() && isRunning(Number(pid));
}
