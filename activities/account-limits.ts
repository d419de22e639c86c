/** The limits of a provider's account: kept in the store for its workers, and on its task queue, which the server paces. */
import { getClient } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { ArtifactStore } from '../artifacts/store.ts';
import { type ActivityDependencies, activity } from './activity.ts';

/** Null: none. Requests are paced by the account's task queue, tokens by its workers. */
export type AccountLimits = { requestsPerMinute: number | null; tokensPerMinute: number | null };

export const NO_LIMITS: AccountLimits = { requestsPerMinute: null, tokensPerMinute: null };

/** `queue`: the account's task queue. */
export type SetAccountLimitsInput = { account: string; queue: string; limits: Partial<AccountLimits> };

const ACTIVITY_QUEUE = 2; // TASK_QUEUE_TYPE_ACTIVITY

export async function readLimits(store: ArtifactStore, account: string): Promise<AccountLimits> {
  return { ...NO_LIMITS, ...(await store.getRecord<AccountLimits>(recordName(account))) };
}

/** Changes the limits given, for running workers too, and returns all. */
export async function setLimits(client: Client, store: ArtifactStore, { account, queue, limits }: SetAccountLimitsInput): Promise<AccountLimits> {
  const changed = { ...(await readLimits(store, account)), ...limits };
  await store.putRecord(recordName(account), changed);
  if (limits.requestsPerMinute !== undefined) await paceQueue(client, queue, limits.requestsPerMinute);
  return changed;
}

/** What the server paces the queue at, whoever set it; null: nothing. */
export async function queuePace(client: Client, queue: string): Promise<number | null> {
  const { namespace } = client.options;
  const { config } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: queue }, taskQueueType: ACTIVITY_QUEUE, reportConfig: true });
  const perSecond = config?.queueRateLimit?.rateLimit?.requestsPerSecond;
  return perSecond == null ? null : perSecond * 60;
}

export function createAccountActivities({ store }: ActivityDependencies) {
  return {
    setAccountLimits: activity(async (input: SetAccountLimitsInput): Promise<AccountLimits> => await setLimits(getClient(), store, input)),
  };
}

export type AccountActivities = ReturnType<typeof createAccountActivities>;

/** The same as `temporal task-queue config set`: it takes precedence over what workers ask for. */
async function paceQueue(client: Client, queue: string, requestsPerMinute: number | null): Promise<void> {
  const { namespace, identity } = client.options;
  await client.workflowService.updateTaskQueueConfig({
    namespace,
    identity,
    taskQueue: queue,
    taskQueueType: ACTIVITY_QUEUE,
    updateQueueRateLimit: { rateLimit: requestsPerMinute === null ? null : { requestsPerSecond: requestsPerMinute / 60 }, reason: 'limit of the corrector account' },
  });
}

function recordName(account: string): string {
  return `accounts/${account}`;
}
