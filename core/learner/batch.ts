/** The batch of one iteration: PPO samples of the kept steps, and supervised rows of corrected thoughts. */
import type { JsonState } from '../envs/env.ts';

/** One kept step with its PPO targets. */
export type PpoSample = {
  /** True state before the step, from which prompt and image are rebuilt. */
  state: JsonState;
  responseIds: number[];
  thoughtTokens: number;
  oldLogprob: number;
  oldValue: number;
  /** Hash of the policy that sampled the response. */
  sampledBy: string;
  /** Normalised over the iteration. */
  advantage: number;
  return: number;
};

/**
 * One supervised row: prompt and corrected thought; only its first `trainedTokens` tokens carry loss, the rest has
 * none.
 */
export type CorrectionRow = {
  state: JsonState;
  responseIds: number[];
  trainedTokens: number;
};

/** Rows by iteration, oldest first: what DAgger aggregates. */
export type CorrectionManifest = {
  iterations: { iteration: number; rows: number; file: { sha256: string; bytes: number; kind: string } }[];
};
