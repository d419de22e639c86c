/** Distance of a policy's answer from its teacher's distribution (GTR-Turbo, arXiv 2512.13043). */
import type { RunConfig } from '../../configs/schema.ts';
import { type RandomKey, RandomStream } from '../random/counter.ts';

export type KlClip = RunConfig['turbo']['kl']['clip'];

/** The cap of an answer's distance: otherwise a few distant answers would dominate all advantages. */
export const LARGEST_KL = 10;

/**
 * KL(policy || teacher) of one sampled answer, in nats a token, from the log-probs of its tokens under both. `none`:
 * the plain mean of the differences; `zero`: that mean clipped to [0, 10]; `abs`: mean of their sizes; `k3`: Schulman's
 * estimate, which is never negative; both at most 10. 0 for an answer without tokens.
 */
export function answerKl(policy: ArrayLike<number>, teacher: ArrayLike<number>, clip: KlClip): number {
  const differences = Array.from(teacher, (logprob, token) => policy[token] - logprob);
  const mean = (of: (difference: number) => number) =>
    differences.length === 0 ? 0 : differences.reduce((sum, one) => sum + of(one), 0) / differences.length;
  switch (clip) {
    case 'none':
      return mean((difference) => difference);
    case 'zero':
      return Math.min(
        LARGEST_KL,
        Math.max(
          0,
          mean((difference) => difference),
        ),
      );
    case 'abs':
      return Math.min(LARGEST_KL, mean(Math.abs));
    case 'k3':
      return Math.min(
        LARGEST_KL,
        mean((difference) => Math.exp(-difference) - 1 + difference),
      );
  }
}

/** Log-probs of a random teacher, each the logarithm of a uniform number: a control for a real teacher. */
export function guessedLogprobs(key: Omit<RandomKey, 'purpose'>, count: number): number[] {
  const random = new RandomStream({ ...key, purpose: 'guessed log-probs' });
  return Array.from({ length: count }, () => Math.log(random.uniform()));
}
