/** Evaluation of one policy, or of the solver in its place, on fixed deals, apart from any run. */
import { ApplicationFailure, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ExpertActivities } from '../activities/evaluate-expert.ts';
import type { EvaluationActivities } from '../activities/evaluate-policy.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { PreparationActivities } from '../activities/prepare-run.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { parseConfig, runConfigSchema } from '../configs/schema.ts';
import { activityOptions } from './queues.ts';

/**
 * `policy`: a stored policy of the configured model; null: the starting checkpoint itself; `solver`: the exact solver
 * plays.
 */
export type EvaluateInput = { config: unknown; policy: ArtifactRef | 'solver' | null };

/** `policy`: what was evaluated; null: the solver. */
export async function evaluate(input: EvaluateInput): Promise<EvaluatePolicyResult & { policy: ArtifactRef | null }> {
  let config;
  try {
    config = parseConfig(runConfigSchema, input.config, 'the run configuration');
  } catch (error) {
    throw ApplicationFailure.nonRetryable((error as Error).message, 'Config.Invalid');
  }
  const { workflowId } = workflowInfo();
  const place = { config, runId: workflowId, label: 'evaluate' };
  if (input.policy === 'solver') {
    const { evaluateExpert } = proxyActivities<ExpertActivities>(
      activityOptions('orchestrator', workflowInfo(), config.durability.heartbeatSeconds),
    );
    return { ...(await evaluateExpert(place)), policy: null };
  }
  const activities = proxyActivities<PreparationActivities & EvaluationActivities>(
    activityOptions('gpu', workflowInfo(), config.durability.heartbeatSeconds),
  );
  const policy = input.policy ?? (await activities.prepareRun({ config })).policy;
  return { ...(await activities.evaluatePolicy({ ...place, policy, iterationsDone: null })), policy };
}
