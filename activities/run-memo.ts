/** A run's Temporal memo: the installation that it belongs to. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ApplicationFailure } from '@temporalio/common';

/** `GtrStore`: id of the run's store; `GtrModel`: hash of its starting checkpoint's files. Absent: unknown so far. */
export type RunMemo = { GtrStore?: string; GtrModel?: string };

/** The memo of the run that the current activity belongs to. */
export const runMemo = new AsyncLocalStorage<RunMemo>();

/** Time after which a task that a worker gave back is handed out again, possibly to another worker. */
const HAND_OUT_AGAIN = '5s';

/** The failure of a worker that must not do a run's work: another one does it, or this one once its setup is fixed. */
export function notThisWorker(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'Worker.Elsewhere', nextRetryDelay: HAND_OUT_AGAIN });
}
