/** Counts the GPU workers for a run. */
import type { Client } from '@temporalio/client';
import { temporalConfig, workflowQueue } from '../workers/installation.ts';
import { isAlive, parseIdentity } from '../workers/worker-identity.ts';
import { queueOf } from '../workflows/queues.ts';

/** Temporal's numbers: a task queue of activities; a pending activity that a worker has. */
const ACTIVITY_TASKS = 2;
const STARTED = 2;

/** `there`: workers that take the run's work; `working`: those of them that are doing it now. */
export type GpuWorkers = { there: number; working: number };

/** For a run whose activities belong to `workflowIds`. */
export async function gpuWorkers(client: Client, workflowIds: readonly string[]): Promise<GpuWorkers> {
  const queue = queueOf('gpu', workflowQueue());
  const [{ pollers }, ...described] = await Promise.all([
    client.workflowService.describeTaskQueue({
      namespace: temporalConfig().namespace,
      taskQueue: { name: queue },
      taskQueueType: ACTIVITY_TASKS,
    }),
    ...workflowIds.map((id) =>
      client.workflow
        .getHandle(id)
        .describe()
        .catch(() => null),
    ),
  ]);
  const polling = (pollers ?? []).flatMap(({ identity, lastAccessTime }) => {
    const worker = parseIdentity(identity);
    return worker !== null && isAlive(worker, Number(lastAccessTime?.seconds ?? 0) * 1000) ? [identity!] : [];
  });
  // A busy worker does not poll, and the server forgets it within minutes.
  const working = described.flatMap((workflow) =>
    (workflow?.raw.pendingActivities ?? []).flatMap(({ state, activityOptions, lastWorkerIdentity }) =>
      state === STARTED && activityOptions?.taskQueue?.name === queue && lastWorkerIdentity ? [lastWorkerIdentity] : [],
    ),
  );
  return { there: new Set([...polling, ...working]).size, working: new Set(working).size };
}

export function gpuWorkersText({ there, working }: GpuWorkers): string {
  if (there === 0)
    return 'no GPU worker takes the work of this run: start one with `./gtr up --workers gpu --no-server`';
  return `${there} GPU worker${there === 1 ? '' : 's'}, ${working} at work on this run`;
}
