/** The activities of each role, as workflows call them. */
import { type ActivityInterfaceFor, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { AccountActivities } from '../activities/account-limits.ts';
import type { MergedTeacherActivities } from '../activities/ask-merged-teacher.ts';
import type { BatchActivities } from '../activities/assemble-batch.ts';
import type { SharedUpdateActivities } from '../activities/compute-gradients.ts';
import type { CorrectionActivities } from '../activities/correct-episodes-locally.ts';
import type { ThoughtActivities } from '../activities/correct-thought.ts';
import type { EstimateActivities } from '../activities/estimate-kept-steps.ts';
import type { ExpertActivities } from '../activities/evaluate-expert.ts';
import type { ModelEvaluationActivities } from '../activities/evaluate-model.ts';
import type { EvaluationActivities } from '../activities/evaluate-policy.ts';
import type { EvaluationCollectActivities, EvaluationShareActivities } from '../activities/evaluate-share.ts';
import type { RemakeActivities } from '../activities/find-iteration-to-remake.ts';
import type { SearchAttributeActivities } from '../activities/find-search-attributes.ts';
import type { DemonstrationActivities } from '../activities/make-demonstrations.ts';
import type { MeasureActivities } from '../activities/measure-rollout.ts';
import type { ThoughtMeasureActivities } from '../activities/measure-thoughts.ts';
import type { MergeActivities } from '../activities/merge-checkpoints.ts';
import type { PreparationActivities } from '../activities/prepare-run.ts';
import type { MetricsActivities } from '../activities/publish-metrics.ts';
import type { ReviewActivities } from '../activities/review-wave.ts';
import type { RolloutActivities } from '../activities/roll-out-wave.ts';
import type { SupervisedActivities } from '../activities/train-on-demonstrations.ts';
import type { UpdateActivities } from '../activities/update-policy.ts';
import type { RunConfig } from '../configs/schema.ts';
import { activityOptions, type OfActivity } from './queues.ts';

type Activities = {
  gpu: PreparationActivities &
    RolloutActivities &
    ThoughtMeasureActivities &
    MergedTeacherActivities &
    UpdateActivities &
    SharedUpdateActivities &
    EvaluationActivities &
    EvaluationShareActivities &
    SupervisedActivities;
  orchestrator: BatchActivities &
    MeasureActivities &
    MetricsActivities &
    RemakeActivities &
    DemonstrationActivities &
    ReviewActivities &
    EstimateActivities &
    MergeActivities &
    SearchAttributeActivities &
    AccountActivities &
    ExpertActivities &
    EvaluationCollectActivities;
  corrector: CorrectionActivities & ThoughtActivities & ModelEvaluationActivities;
};

/** `summary`: what the Web UI shows. */
export function activitiesOn<Role extends keyof Activities>(
  role: Role,
  { durability }: Pick<RunConfig, 'durability'>,
  summary: string,
  of: OfActivity = {},
): ActivityInterfaceFor<Activities[Role]> {
  return proxyActivities<Activities[Role]>({
    ...activityOptions(role, workflowInfo(), durability.heartbeatSeconds, of),
    summary,
  });
}
