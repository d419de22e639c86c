/**
 * Gradients of the shards of an optimizer step, summed in the lane that computes them, so that they are transferred
 * once.
 */

/** The sum that a gradient belongs to; with the last gradient the sum is returned. */
export type Summand = { id: number; last: boolean };

/** `G`: a gradient, in memory or on a device. */
export class GradientSums<G> {
  readonly #add: (sum: G, summand: G) => G | Promise<G>;
  readonly #free: (sum: G) => void;
  readonly #sums = new Map<number, G>();

  /** `add` may overwrite both. */
  constructor(add: (sum: G, summand: G) => G | Promise<G>, free: (sum: G) => void) {
    this.#add = add;
    this.#free = free;
  }

  /**
   * Computes a gradient and adds it to its sum. Returns the sum after the last gradient, null before that, and the
   * gradient itself if it belongs to no sum. A sum with a failed shard is dropped.
   */
  async collect<R extends { gradient: G }>(
    summand: Summand | undefined,
    compute: () => Promise<R>,
  ): Promise<Omit<R, 'gradient'> & { gradient: G | null }> {
    if (summand === undefined) return compute();
    const { id, last } = summand;
    try {
      const computed = await compute();
      const sum = this.#sums.get(id);
      const total = sum === undefined ? computed.gradient : await this.#add(sum, computed.gradient);
      this.#sums.set(id, total);
      if (last) this.#sums.delete(id);
      return { ...computed, gradient: last ? total : null };
    } catch (error) {
      const sum = this.#sums.get(id);
      this.#sums.delete(id);
      if (sum !== undefined) this.#free(sum);
      throw error;
    }
  }
}

/** Adds a vector to another, which is returned. */
export function addTo(sum: Float32Array, summand: Float32Array): Float32Array {
  for (let i = 0; i < sum.length; i++) sum[i] += summand[i];
  return sum;
}
