/**
 * The limits of a provider's account: stored for its workers, and set on its task queue, whose rate the server limits.
 */
import type { Client } from '@temporalio/client';
import type { ArtifactStore } from '../artifacts/store.ts';

/**
 * Null: none. The account's task queue limits requests: its tasks are thoughts, of `requestsPerThought` requests each.
 * Workers limit tokens.
 */
export type AccountLimits = {
  requestsPerMinute: number | null;
  requestsPerThought: number;
  tokensPerMinute: number | null;
};

/** Two requests a thought: the solver's tool and the answer. */
const NO_LIMITS: AccountLimits = { requestsPerMinute: null, requestsPerThought: 2, tokensPerMinute: null };

/** `queue`: the account's task queue. */
export type AccountAddress = { account: string; queue: string };

const ACTIVITY_QUEUE = 2; // TASK_QUEUE_TYPE_ACTIVITY

export async function readLimits(store: ArtifactStore, account: string): Promise<AccountLimits> {
  return { ...NO_LIMITS, ...(await store.getRecord<AccountLimits>(recordName(account))) };
}

/** Changes the given limits, for running workers too, and returns all. */
export async function setLimits(
  client: Client,
  store: ArtifactStore,
  { account, queue }: AccountAddress,
  changes: Partial<AccountLimits>,
): Promise<AccountLimits> {
  const limits = { ...(await readLimits(store, account)), ...changes };
  await store.putRecord(recordName(account), limits);
  if (changes.requestsPerMinute !== undefined || changes.requestsPerThought !== undefined)
    await paceQueue(client, queue, thoughtsPerSecond(limits));
  return limits;
}

/** Tasks of the account's queue that the limits allow; null: any number. */
export function thoughtsPerSecond({ requestsPerMinute, requestsPerThought }: AccountLimits): number | null {
  return requestsPerMinute === null ? null : requestsPerMinute / requestsPerThought / 60;
}

/** Thoughts per minute that the server lets start, whoever set it; null: no limit. */
export async function queuePace(client: Client, queue: string): Promise<number | null> {
  const { namespace } = client.options;
  const { config } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: ACTIVITY_QUEUE,
    reportConfig: true,
  });
  const perSecond = config?.queueRateLimit?.rateLimit?.requestsPerSecond;
  return perSecond == null ? null : Number((perSecond * 60).toPrecision(6)); // the server keeps 32 bits
}

/** A worker that has not polled for this long counts as gone; an idle one polls once a minute. */
const GONE_AFTER_MS = 90_000;

/** Workers that share the queue's tokens per minute; at least 1. */
export async function queueWorkers(client: Client, queue: string): Promise<number> {
  const { namespace } = client.options;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: ACTIVITY_QUEUE,
  });
  const since = Date.now() - GONE_AFTER_MS;
  const present = pollers
    ?.filter(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 >= since)
    .map(({ identity }) => identity);
  return Math.max(1, new Set(present).size);
}

/** The same as `temporal task-queue config set`: it takes precedence over what workers ask for. */
async function paceQueue(client: Client, queue: string, requestsPerSecond: number | null): Promise<void> {
  const { namespace, identity } = client.options;
  await client.workflowService.updateTaskQueueConfig({
    namespace,
    identity,
    taskQueue: queue,
    taskQueueType: ACTIVITY_QUEUE,
    updateQueueRateLimit: {
      rateLimit: requestsPerSecond === null ? null : { requestsPerSecond },
      reason: 'limit of the corrector account',
    },
  });
}

function recordName(account: string): string {
  return `accounts/${account}`;
}
