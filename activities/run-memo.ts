/** What a run carries in its Temporal memo of the installation that it belongs to. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ApplicationFailure } from '@temporalio/common';

/** `GtrStore`: id of the run's store; `GtrModel`: hash of its starting checkpoint's files. Absent: not known yet. */
export type RunMemo = { GtrStore?: string; GtrModel?: string };

/** The memo of the run that the current activity belongs to. */
export const runMemo = new AsyncLocalStorage<RunMemo>();

/** Time after which a task that a worker gave back is handed out again, to another if there is one. */
const HAND_OUT_AGAIN = '5s';

/** The failure of a worker that must not do a run's work: another does, or this one once it is set right. */
export function notThisWorker(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'Worker.Elsewhere', nextRetryDelay: HAND_OUT_AGAIN });
}
