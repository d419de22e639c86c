/** Evaluation of one policy, or of the solver in its place, on fixed deals, apart from any run. */
import { workflowInfo } from '@temporalio/workflow';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { activitiesOn } from './activities-on.ts';
import { checkedConfig } from './failures.ts';

/**
 * `policy`: a stored policy of the configured model; null: the starting checkpoint itself; `solver`: the exact solver
 * plays.
 */
export type EvaluateInput = { config: unknown; policy: ArtifactRef | 'solver' | null };

/** `policy`: what was evaluated; null: the solver. */
export async function evaluate(input: EvaluateInput): Promise<EvaluatePolicyResult & { policy: ArtifactRef | null }> {
  const config = checkedConfig(runConfigSchema, input.config, 'the run configuration');
  const place = { config, runId: workflowInfo().workflowId, label: 'evaluate' };
  if (input.policy === 'solver')
    return { ...(await activitiesOn('orchestrator', config, 'the solver plays').evaluateExpert(place)), policy: null };
  const { prepareRun, evaluatePolicy } = activitiesOn('gpu', config, `evaluate ${config.evaluation.episodes} episodes`);
  const policy = input.policy ?? (await prepareRun({ config })).policy;
  return { ...(await evaluatePolicy({ ...place, policy, iterationsDone: null })), policy };
}
