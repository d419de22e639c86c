/** Learning rates as functions of the progress of a run. */

/** Cosine from `start` at update 0 to `end` at update `updates` and after. */
export function cosineLearningRate(update: number, updates: number, start: number, end: number): number {
  const progress = Math.min(1, update / updates);
  return end + (start - end) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/**
 * Factor of the SFT loss in an iteration: falls linearly from 1 to 0 over `annealIterations`; 0 iterations: always 1.
 */
export function sftAnnealing(iteration: number, annealIterations: number): number {
  return annealIterations === 0 ? 1 : Math.max(0, 1 - iteration / annealIterations);
}
