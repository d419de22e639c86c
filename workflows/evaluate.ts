/** Evaluates one policy, or the solver in its place, on fixed deals, outside any run. */
import { setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { CorrectorCounts } from '../core/episodes/corrector-counts.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { checkedRunConfig } from '../configs/checked-config.ts';
import { doingText } from '../core/episodes/doing.ts';
import { activitiesOn } from './activities-on.ts';
import { doingSignal } from './control.ts';
import { evaluatePolicy } from './evaluate-policy.ts';
import { orInvalid } from './failures.ts';

/**
 * `policy`: a stored policy of the configured model; null: the starting checkpoint itself; `solver`: the exact solver
 * plays; `openai`: a model of that name behind OpenAI's chat completions.
 */
export type EvaluateInput = { config: unknown; policy: ArtifactRef | 'solver' | { openai: string } | null };

/** `policy`: the evaluated policy; null: not one of ours. `cost`: that of an external model. */
export type EvaluateResult = EvaluatePolicyResult & { policy: ArtifactRef | null; cost?: CorrectorCounts };

export async function evaluate(input: EvaluateInput): Promise<EvaluateResult> {
  const config = orInvalid(() => checkedRunConfig(input.config, 'the run configuration'));
  setHandler(doingSignal, (doing) => setCurrentDetails(doingText(doing)));
  const task = { config, runId: workflowInfo().workflowId, label: 'evaluate' };
  if (input.policy === 'solver')
    return { ...(await activitiesOn('orchestrator', config, 'the solver plays').evaluateExpert(task)), policy: null };
  if (input.policy !== null && 'openai' in input.policy) {
    const { openai: model } = input.policy;
    const { evaluateModel } = activitiesOn('corrector', config, `${model} plays`, {
      account: config.corrector.account,
    });
    return { ...(await evaluateModel({ ...task, model })), policy: null };
  }
  const policy = input.policy ?? (await activitiesOn('gpu', config, 'open the model').prepareRun({ config })).policy;
  return { ...(await evaluatePolicy({ ...task, policy, iterationsDone: null })), policy };
}
