/** Records in the store how a run ended, so that its outcome is known without a server. */
import { CancellationScope, patched } from '@temporalio/workflow';
import type { RunOutcome } from '../core/records/run-records.ts';
import { activitiesOn } from './activities-on.ts';
import type { Run } from './run.ts';

/** Time limit for storing the end of a run that failed or was cancelled; the run ends in any case. */
const LAST_WORDS = '1m';

/** Records the outcome; histories of version 0.1.0 do not have this. */
export async function recordOutcome({ id, config }: Run, outcome: RunOutcome): Promise<void> {
  if (!patched('run-outcome')) return;
  const record = () =>
    activitiesOn('orchestrator', config, 'record how the run ended').recordOutcome({ runId: id, outcome });
  if (outcome.result !== null) await record();
  else await CancellationScope.nonCancellable(() => CancellationScope.withTimeout(LAST_WORDS, record)).catch(() => {});
}
