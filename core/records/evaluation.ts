/** The result of an evaluation. */
import type { EvaluationPart } from '../learner/evaluation-part.ts';

/** `heldOut`: the same on held-out deals, if the configuration names some. */
export type Evaluation = EvaluationPart & { heldOut: EvaluationPart | null };
/** `greedy`: greedy decoding in addition to sampling, on the same deals (`evaluation.decoding: both`). */
export type EvaluatePolicyResult = Evaluation & { greedy: Evaluation | null };
