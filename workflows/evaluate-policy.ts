/** The evaluation of a policy, by one GPU worker or, with `parallel.waves`, by all that poll. */
import type { EvaluatePolicyInput } from '../activities/evaluate-policy.ts';
import { plays } from '../configs/evaluation-plays.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { activitiesOn } from './activities-on.ts';

/** Any number of workers gives the same result. */
export async function evaluatePolicy(input: EvaluatePolicyInput): Promise<EvaluatePolicyResult> {
  const { config, label, policy, ...place } = input;
  const { episodes } = config.evaluation;
  const shares = Math.min(episodes, config.parallel?.waves ?? 1); // a run that an older version began has no `parallel`
  const name = `evaluate ${episodes} episodes (${label})`;
  if (shares === 1) return await activitiesOn('gpu', config, name).evaluatePolicy(input);
  const range = (count: number) => Array.from({ length: count }, (_, index) => index);
  const parts = await Promise.all(
    plays(config).map((_, part) =>
      Promise.all(
        range(shares).map((share) =>
          activitiesOn('gpu', config, `${name}, share ${share + 1} of ${shares}`).playEvaluationShare({
            config,
            policy,
            label,
            part,
            share,
            shares,
            apart: place.iterationsDone === null,
          }),
        ),
      ),
    ),
  );
  return await activitiesOn('orchestrator', config, `${name}: result`).collectEvaluation({
    config,
    label,
    ...place,
    parts,
  });
}
