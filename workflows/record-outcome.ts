/** How a run ended, kept in the store: what it came to is known without a server, too. */
import { CancellationScope, patched } from '@temporalio/workflow';
import type { RunOutcome } from '../core/records/run-records.ts';
import { activitiesOn } from './activities-on.ts';
import type { Run } from './run.ts';

/** Time in which the end of a run that failed or was cancelled must be stored; it ends all the same. */
const LAST_WORDS = '1m';

/** Records the outcome; histories of version 0.1.0 go on without. */
export async function recordOutcome({ id, config }: Run, outcome: RunOutcome): Promise<void> {
  if (!patched('run-outcome')) return;
  const record = () =>
    activitiesOn('orchestrator', config, 'record how the run ended').recordOutcome({ runId: id, outcome });
  if (outcome.result !== null) await record();
  else await CancellationScope.nonCancellable(() => CancellationScope.withTimeout(LAST_WORDS, record)).catch(() => {});
}
