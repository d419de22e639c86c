/**
 * LoRA dropout as PEFT does it: while the policy is updated, each element of what enters an adapter's A is dropped with
 * probability p and the others are scaled by 1 / (1 - p); every adapter draws its own elements. Samples and old
 * log-probs are made without it. (The original code never leaves its training mode, so it samples with dropout too, and
 * the ratio compares two draws.)
 *
 * An element is dropped when s_row * t_token * u_column, odd 64-bit numbers multiplied modulo 2^64, lies in the lowest
 * share p of all numbers (multiplicative hashing): t and u are constants, and s a seed that comes with the row. So a
 * mask is a function of the row's seed, wherever and whenever it is computed.
 */
import type { GraphBuilder } from '../../graph/builder.ts';
import { cast, less, mul, where } from '../../graph/ops/elementwise.ts';
import { reshape } from '../../graph/ops/movement.ts';
import { constantWords, productBelow, words } from '../../graph/ops/words.ts';
import type { Provider, Value } from '../../graph/program.ts';
import { RandomStream } from '../../random/counter.ts';

export class LoraDropout {
  readonly #g: GraphBuilder;
  readonly #rate: number;
  readonly #seeds: Value;
  readonly #provider: Provider;
  /** s_row * t_token [rows * tokens, 1] by the number of tokens. */
  readonly #ofPositions = new Map<number, Value>();

  /** Adds the input `dropout_seeds` int64 [rows]. `rate`: the probability p. */
  constructor(g: GraphBuilder, rate: number, rows: number, provider: Provider = 'cpu') {
    this.#g = g;
    this.#rate = rate;
    this.#seeds = g.input('dropout_seeds', 'int64', [rows]);
    this.#provider = provider;
  }

  /** The factor for elements that are kept. */
  get scale(): number {
    return 1 / (1 - this.#rate);
  }

  /** `x` [rows * tokens, inputs] with zeros in the dropped places of the adapter of `linear`; not scaled yet. */
  drop(linear: string, x: Value): Value {
    const g = this.#g;
    const [positions, inputs] = x.shape;
    const ofPositions = this.#factorsOf(positions);
    const ofColumns = factors(`dropout columns of ${linear}`, inputs);
    const threshold = BigInt64Array.of(dropoutThreshold(this.#rate));
    // WebGPU has no 64-bit integers: the CPU would compute every mask, and each would be copied.
    const dropped =
      this.#provider === 'webgpu'
        ? productBelow(
            g,
            words(g, ofPositions),
            constantWords(g, ofColumns, [1, inputs]),
            constantWords(g, threshold, []),
          )
        : less(g, mul(g, ofPositions, g.constant(ofColumns, [1, inputs])), g.constant(threshold, []));
    return where(g, dropped, cast(g, g.scalar(0), x.dtype), x);
  }

  #factorsOf(positions: number): Value {
    const known = this.#ofPositions.get(positions);
    if (known !== undefined) return known;
    const g = this.#g;
    const [rows] = this.#seeds.shape;
    const tokens = positions / rows;
    // Counted from the last token, so that the last ones have the same masks when only they are computed.
    const ofTokens = g.constant(factors('dropout tokens', tokens).reverse(), [1, tokens]);
    const made = reshape(g, mul(g, reshape(g, this.#seeds, [rows, 1]), ofTokens), [positions, 1]);
    this.#ofPositions.set(positions, made);
    return made;
  }
}

function factors(purpose: string, count: number): BigInt64Array {
  const random = new RandomStream({ seed: 0, purpose });
  return BigInt64Array.from({ length: count }, () => random.odd64());
}

/** Signed 64-bit numbers below it are the share `rate` of all. */
function dropoutThreshold(rate: number): bigint {
  return BigInt.asIntN(64, BigInt(Math.round(rate * 2 ** 53)) * 2n ** 11n - 2n ** 63n);
}
