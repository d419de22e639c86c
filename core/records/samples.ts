/** The samples of an iteration: its judged waves. */
import type { ArtifactRef } from '../artifacts/store.ts';
import type { CorrectorCounts } from '../episodes/corrector-counts.ts';
import type { Metrics } from '../episodes/metrics.ts';

/** A wave as it was sampled and judged. `used`: the iteration trained on (some of) it. */
export type WaveRecord = { episodes: ArtifactRef; judgements: ArtifactRef; used: boolean };

export type Samples = {
  /** Hash of the policy that sampled them. */
  sampledBy: string;
  /** All judged waves, in order; the used ones come first. */
  waves: WaveRecord[];
  /** Kept steps of the used waves; for the last one, all that it has. */
  kept: number[];
  /** The cost of judging. */
  corrector: CorrectorCounts;
  /** Average kept steps of a wave, by which the next iteration plans its number of waves. */
  keptPerWave: number;
  responseTokens: number;
  /** Seconds of GPU workers, of computing in them, and of judging: all waves, and the last one. */
  seconds: { sample: number; model: number; correct: number; correctLastWave: number };
};

/**
 * Samples of an iteration that were made while the one before updated (`rollout.ahead`). `settings`: their settings
 * (configs/sampling-settings.ts); `thoughts`: metrics of their thoughts.
 */
export type SamplesAhead = Samples & {
  settings: string;
  thoughts: { metrics: Metrics; seconds: number; modelSeconds: number };
};
