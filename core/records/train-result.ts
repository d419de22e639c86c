/** The outcome of a training run. */
import type { ArtifactRef } from '../artifacts/store.ts';
import type { CorrectorCounts } from '../episodes/corrector-counts.ts';
import type { EvaluatePolicyResult } from './evaluation.ts';

/** A finished run. `stopped`: on request, after the last whole iteration. */
export type TrainResult = {
  status: 'done' | 'stopped';
  iterations: number;
  envSteps: number;
  success: number | null;
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  corrections: { rows: number; manifest: ArtifactRef | null };
  corrector: CorrectorCounts;
  evaluation: { start: EvaluatePolicyResult | null; final: EvaluatePolicyResult | null };
};
