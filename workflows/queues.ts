/**
 * The one table of task queues: what runs where, its time limits and retries. Read by workflows and by workers.
 */
import type { Duration } from '@temporalio/common';
import type { ActivityOptions } from '@temporalio/workflow';
import { FAILURES } from '../configs/failure-types.ts';

/** Task queue that users name when they start a run; the other queues derive from it. */
export const WORKFLOW_QUEUE = 'gtr';

/** Roles of activity workers: `orchestrator` (light work), `gpu` (the policy), `corrector` (judging thoughts). */
export type ActivityRole = 'orchestrator' | 'gpu' | 'corrector';

/** The account whose queue is plainly `corrector`. */
export const DEFAULT_ACCOUNT = 'default';

/**
 * The queue of a role, next to the workflow queue `base`: `gtr`, `gpu`, `corrector`; other bases (tests) prefix theirs.
 * The limits of a corrector's account belong to its queue, so each account has its own: `corrector-<account>`.
 */
export function queueOf(role: ActivityRole, base: string = WORKFLOW_QUEUE, account: string = DEFAULT_ACCOUNT): string {
  if (role === 'orchestrator') return base;
  const name = role === 'corrector' && account !== DEFAULT_ACCOUNT ? `${role}-${account}` : role;
  return base === WORKFLOW_QUEUE ? name : `${base}-${name}`;
}

/** Where a workflow runs: its queue, its name, and the run at the top of its family. What `workflowInfo()` gives. */
export type WorkflowAddress = { taskQueue: string; workflowId: string; root?: { workflowId: string } };

/** Time limit of one attempt. */
const START_TO_CLOSE = { gpu: '24h', orchestrator: '10m', corrector: '30m' } as const satisfies Record<
  ActivityRole,
  string
>;

/** `account`: that of the corrector; `longest`: time limit of one attempt, if it is not the role's. */
export type OfActivity = { account?: string; longest?: Duration };

/**
 * Activity options of a role. Every activity sends heartbeats, so that a silent one is restarted after
 * `heartbeatSeconds`; GPU activities resume from their heartbeats and may take long. Runs that wait on one queue take
 * turns: each has its own fairness key.
 */
export function activityOptions(
  role: ActivityRole,
  { taskQueue: base, workflowId, root }: WorkflowAddress,
  heartbeatSeconds: number,
  { account = DEFAULT_ACCOUNT, longest = START_TO_CLOSE[role] }: OfActivity = {},
): ActivityOptions {
  const retry = {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '30s',
    nonRetryableErrorTypes: Object.values(FAILURES),
  } as const;
  return {
    taskQueue: queueOf(role, base, account),
    startToCloseTimeout: longest,
    heartbeatTimeout: `${heartbeatSeconds}s`,
    retry,
    priority: { fairnessKey: fairnessKey(root?.workflowId ?? workflowId) },
  };
}

/** Temporal takes up to 64 bytes. */
function fairnessKey(run: string): string {
  return encodeURIComponent(run).slice(-64);
}
