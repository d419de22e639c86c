/** Worker process for the policy: one activity at a time per device. */
import { pathToFileURL } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import type { ActivityDependencies } from '../activities/activity.ts';
import { AgentCache } from '../activities/agent-cache.ts';
import { createMergedTeacherActivities } from '../activities/ask-merged-teacher.ts';
import { createEvaluationActivities } from '../activities/evaluate-policy.ts';
import { createEvaluationShareActivities } from '../activities/evaluate-share.ts';
import { createThoughtMeasureActivities } from '../activities/measure-thoughts.ts';
import { createPreparationActivities } from '../activities/prepare-run.ts';
import { createRolloutActivities } from '../activities/roll-out-wave.ts';
import { createSupervisedActivities } from '../activities/train-on-demonstrations.ts';
import { createSharedUpdateActivities } from '../activities/compute-gradients.ts';
import { createUpdateActivities } from '../activities/update-policy.ts';
import { queueOf } from '../workflows/queues.ts';
import { activityDependencies, workflowQueue } from './installation.ts';
import { runWorker } from './run-worker.ts';

/** Options of a GPU worker, next to the workflow queue `base`. */
function gpuWorkerOptions(
  dependencies: ActivityDependencies,
  agents: AgentCache,
  teachers: AgentCache,
  base: string,
): Omit<WorkerOptions, 'connection' | 'namespace'> {
  return {
    taskQueue: queueOf('gpu', base),
    activities: {
      ...createPreparationActivities(dependencies, agents),
      ...createRolloutActivities(dependencies, agents),
      ...createThoughtMeasureActivities(dependencies, agents),
      ...createMergedTeacherActivities(dependencies, agents, teachers),
      ...createUpdateActivities(dependencies, agents),
      ...createSharedUpdateActivities(dependencies, agents),
      ...createEvaluationActivities(dependencies, agents),
      ...createEvaluationShareActivities(dependencies, agents),
      ...createSupervisedActivities(dependencies, agents),
    },
    maxConcurrentActivityTaskExecutions: 1,
    // Resume points must not be throttled for long: a killed worker loses those that were held back.
    maxHeartbeatThrottleInterval: '200ms',
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [agents, teachers] = [new AgentCache(), new AgentCache()];
  await runWorker('gpu', gpuWorkerOptions(activityDependencies(), agents, teachers, workflowQueue()), async () => {
    await agents.close();
    await teachers.close();
  });
  // Lanes are threads; none of them may keep the process alive.
  process.exit(0);
}
