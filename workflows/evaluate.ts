/** Evaluation of one policy on fixed deals, apart from any run. */
import { ApplicationFailure, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { EvaluatePolicyResult, EvaluationActivities } from '../activities/evaluate-policy.ts';
import type { PreparationActivities } from '../activities/prepare-run.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import { parseConfig, runConfigSchema } from '../configs/schema.ts';
import { activityOptions } from './queues.ts';

/** `policy` null: the starting checkpoint itself. */
export async function evaluate(input: { config: unknown; policy: ArtifactRef | null }): Promise<EvaluatePolicyResult & { policy: ArtifactRef }> {
  let config;
  try {
    config = parseConfig(runConfigSchema, input.config, 'the run configuration');
  } catch (error) {
    throw ApplicationFailure.nonRetryable((error as Error).message, 'Config.Invalid');
  }
  const { workflowId } = workflowInfo();
  const activities = proxyActivities<PreparationActivities & EvaluationActivities>(activityOptions('gpu', workflowInfo(), config.durability.heartbeatSeconds));
  const policy = input.policy ?? (await activities.prepareRun({ config })).policy;
  return { ...(await activities.evaluatePolicy({ config, policy, runId: workflowId, label: 'evaluate' })), policy };
}
