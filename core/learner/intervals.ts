/** Confidence intervals. */
import { RandomStream } from '../random/counter.ts';

/** Wilson score interval of a proportion at 95 % (Wilson 1927). */
export function wilsonInterval(successes: number, trials: number): { low: number; high: number } {
  if (trials === 0) return { low: 0, high: 1 };
  const z = 1.959963984540054;
  const p = successes / trials;
  const denominator = 1 + (z * z) / trials;
  const centre = (p + (z * z) / (2 * trials)) / denominator;
  const half = (z / denominator) * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Resamples of a bootstrap. */
const RESAMPLES = 1000;

/** Percentile bootstrap interval of a mean at 95 % (Efron 1979), seeded: equal values give equal bounds. */
export function bootstrapInterval(values: readonly number[]): { low: number; high: number } {
  if (values.length === 0) return { low: -Infinity, high: Infinity };
  const random = new RandomStream({ seed: 0, purpose: 'bootstrap' });
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let draw = 0; draw < values.length; draw++) sum += values[random.below(values.length)];
    return sum / values.length;
  }).sort((a, b) => a - b);
  const at = (share: number) => means[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))];
  return { low: at(0.025), high: at(0.975) };
}
