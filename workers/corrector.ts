/** Worker process for judging thoughts. */
import { pathToFileURL } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import type { ActivityDependencies } from '../activities/activity.ts';
import { createCorrectionActivities } from '../activities/correct-episodes-locally.ts';
import { queueOf } from '../workflows/queues.ts';
import { activityDependencies, workflowQueue } from './installation.ts';
import { runWorker } from './run-worker.ts';

/** Options of a corrector worker beside the workflow queue `base`. */
export function correctorWorkerOptions(dependencies: ActivityDependencies, base: string): Omit<WorkerOptions, 'connection' | 'namespace'> {
  return { taskQueue: queueOf('corrector', base), activities: createCorrectionActivities(dependencies) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runWorker('corrector', correctorWorkerOptions(activityDependencies(), workflowQueue()));
}
