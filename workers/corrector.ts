/** Worker process for judging thoughts, on behalf of one account. */
import { pathToFileURL } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import { type AccountLimits, readLimits, thoughtsPerSecond } from '../core/corrector/account-limits.ts';
import type { ActivityDependencies } from '../activities/activity.ts';
import { createCorrectionActivities } from '../activities/correct-episodes-locally.ts';
import { createThoughtActivities } from '../activities/correct-thought.ts';
import { createModelEvaluationActivities } from '../activities/evaluate-model.ts';
import { CorrectorAccount } from '../activities/corrector-account.ts';
import { queueOf } from '../workflows/queues.ts';
import { activityDependencies, correctorAccount, workflowQueue } from './installation.ts';
import { runWorker } from './run-worker.ts';

/** The most thoughts in flight: they wait for the provider, not for this machine. */
const THOUGHTS_AT_ONCE = 256;

/** Options of a corrector worker of an account, next to the workflow queue `base`. */
function correctorWorkerOptions(
  dependencies: ActivityDependencies,
  base: string,
  account: string,
  limits: AccountLimits,
): Omit<WorkerOptions, 'connection' | 'namespace'> {
  const pace = thoughtsPerSecond(limits);
  const paidAccount = new CorrectorAccount(dependencies.store, account);
  return {
    taskQueue: queueOf('corrector', base, account),
    activities: {
      ...createCorrectionActivities(dependencies),
      ...createThoughtActivities(dependencies, paidAccount),
      ...createModelEvaluationActivities(dependencies, paidAccount),
    },
    maxConcurrentActivityTaskExecutions: THOUGHTS_AT_ONCE,
    // For servers that do not store it themselves; the same for all workers of the account, because the last to poll
    // wins.
    ...(pace === null ? {} : { maxTaskQueueActivitiesPerSecond: pace }),
    // An answer on its way is paid for: wait for it.
    shutdownGraceTime: '15s',
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const dependencies = activityDependencies();
  const account = correctorAccount();
  await runWorker(
    'corrector',
    correctorWorkerOptions(dependencies, workflowQueue(), account, await readLimits(dependencies.store, account)),
  );
}
