/** Counter-based random numbers: every draw is a pure function of (run seed, iteration, episode, step, purpose). */

/**
 * What a stream of random numbers derives from. A retried activity that names the same key draws the same numbers.
 */
export type RandomKey = {
  seed: number;
  /** What the numbers are for, e.g. `"deal"` or `"sampling"`: streams of different purposes are independent. */
  purpose: string;
  iteration?: number;
  episode?: number;
  step?: number;
};

/** One 4 x 32 bit block of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
export function philox4x32(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply32(0xd2511f53, c0);
    const [high1, low1] = multiply32(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** The high and low 32 bits of a 32 x 32 bit product. */
function multiply32(a: number, b: number): [number, number] {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  const high = aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
  return [high | 0, Math.imul(a, b)];
}

/** FNV-1a over UTF-16 units: turns a purpose into the second key word. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A stream of random numbers that derives from its key. Not for cryptography. */
export class RandomStream {
  #key: readonly [number, number];
  #counter: [number, number, number, number];
  #block: number[] = [];

  constructor({ seed, purpose, iteration = 0, episode = 0, step = 0 }: RandomKey) {
    this.#key = [seed | 0, hashText(purpose) ^ Math.floor(seed / 0x100000000)];
    this.#counter = [0, step, episode, iteration];
  }

  /** The next integer in [0, 2^32). */
  uint32(): number {
    if (this.#block.length === 0) {
      this.#block = philox4x32(this.#counter, this.#key).reverse();
      this.#counter[0]++;
    }
    return this.#block.pop()!;
  }

  /** The next odd signed 64-bit number: a factor that loses nothing modulo 2^64. */
  odd64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.uint32()) << 32n) | BigInt(this.uint32()) | 1n);
  }

  /** The next number in the open interval (0, 1). */
  uniform(): number {
    return (this.uint32() + 0.5) / 0x100000000;
  }

  /** The next integer in [0, bound), without modulo bias. */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000)
      throw new RangeError(`below: bound ${bound} is not an integer in 1..2^32`);
    const limit = 0x100000000 - (0x100000000 % bound);
    let draw = this.uint32();
    while (draw >= limit) draw = this.uint32();
    return draw % bound;
  }

  /** A uniformly drawn element. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** The next standard normal number (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A new array with the items in a uniformly drawn order (Fisher-Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }
}
