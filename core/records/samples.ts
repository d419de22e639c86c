/** What an iteration trains on: its judged waves. */
import type { ArtifactRef } from '../artifacts/store.ts';
import type { CorrectorCounts } from '../episodes/corrector-counts.ts';
import type { Metrics } from '../episodes/metrics.ts';

/** A wave as it was sampled and judged. `used`: the iteration trained on (some of) it. */
export type WaveRecord = { episodes: ArtifactRef; judgements: ArtifactRef; used: boolean };

export type Samples = {
  /** Hash of the policy that sampled them. */
  sampledBy: string;
  /** All waves that were judged, in order; those that are used come first. */
  waves: WaveRecord[];
  /** Kept steps of those that are used; of the last one, all that it would give. */
  kept: number[];
  /** What judging took. */
  corrector: CorrectorCounts;
  /** Kept steps of a wave on average, by which the next iteration begins with as many waves as should do. */
  keptPerWave: number;
  responseTokens: number;
  /** Seconds of GPU workers, of computing among these, and of judging: all waves, the last one. */
  seconds: { sample: number; model: number; correct: number; correctLastWave: number };
};

/**
 * Samples of an iteration that were made while the one before updated (`rollout.ahead`). `settings`: what they were
 * made with (configs/sampling-settings.ts); `thoughts`: what they say of their policy.
 */
export type SamplesAhead = Samples & {
  settings: string;
  thoughts: { metrics: Metrics; seconds: number; modelSeconds: number };
};
