/** Worker process for the workflows and for light activities. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import { createAccountActivities } from '../activities/account-limits.ts';
import type { ActivityDependencies } from '../activities/activity.ts';
import { createBatchActivities } from '../activities/assemble-batch.ts';
import { searchAttributeActivities } from '../activities/find-search-attributes.ts';
import { createExpertActivities } from '../activities/evaluate-expert.ts';
import { createEvaluationCollectActivities } from '../activities/evaluate-share.ts';
import { createRemakeActivities } from '../activities/find-iteration-to-remake.ts';
import { createDemonstrationActivities } from '../activities/make-demonstrations.ts';
import { createEstimateActivities } from '../activities/estimate-kept-steps.ts';
import { createMergeActivities } from '../activities/merge-checkpoints.ts';
import { createReviewActivities } from '../activities/review-wave.ts';
import { createMeasureActivities } from '../activities/measure-rollout.ts';
import { createMetricsActivities } from '../activities/publish-metrics.ts';
import { activityDependencies, workflowQueue } from './installation.ts';
import { runWorker } from './run-worker.ts';

export const WORKFLOWS_PATH = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/**
 * Workflows kept in memory between their tasks, each with its own context: a run has one for itself, one for its
 * iteration and a few for waves. Others are replayed from their history when their next task comes.
 */
const CACHED_WORKFLOWS = 200;

/** Options of an orchestrator worker on the workflow queue `base`. */
function orchestratorWorkerOptions(
  dependencies: ActivityDependencies,
  base: string,
): Omit<WorkerOptions, 'connection' | 'namespace'> {
  return {
    taskQueue: base,
    workflowsPath: WORKFLOWS_PATH,
    maxCachedWorkflows: CACHED_WORKFLOWS,
    activities: {
      ...createBatchActivities(dependencies),
      ...createMeasureActivities(dependencies),
      ...createMetricsActivities(dependencies),
      ...createRemakeActivities(dependencies),
      ...createDemonstrationActivities(dependencies),
      ...createReviewActivities(dependencies),
      ...createEstimateActivities(dependencies),
      ...createMergeActivities(dependencies),
      ...searchAttributeActivities,
      ...createAccountActivities(dependencies),
      ...createExpertActivities(dependencies),
      ...createEvaluationCollectActivities(dependencies),
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runWorker('orchestrator', orchestratorWorkerOptions(activityDependencies(), workflowQueue()));
}
