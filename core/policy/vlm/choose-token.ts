/** The next token of each row: repetition penalty, temperature, sampling or argmax, and which rows have ended. */
import type { GraphBuilder } from '../../graph/builder.ts';
import { cast, div, equal, greater, greaterOrEqual, less, mul, or, where } from '../../graph/ops/elementwise.ts';
import { reshape, slice } from '../../graph/ops/movement.ts';
import { softmax, tokenLogprob } from '../../graph/ops/neural.ts';
import { argMax, cumulativeSum, reduceSum } from '../../graph/ops/reduction.ts';
import type { Provider, Value } from '../../graph/program.ts';
import type { TextConfig } from '../vlm-config.ts';

/** Which tokens each row has had, bool [rows, vocabulary]; absent if not needed. */
export type Seen = { seen?: Value };

/** The state that a loop carries from one token to the next: newest ids and which rows have ended, [rows] each. */
export type TokenStates = { id: Value; ended: Value } & Seen;

export class TokenChoice {
  readonly #text: TextConfig;
  readonly #greedy: boolean;
  readonly #temperature: Value;
  readonly #penalty: Value;
  readonly #vocabulary: Value;
  readonly #provider: Provider;

  /** Adds the inputs `temperature` and `penalty`. */
  constructor(g: GraphBuilder, text: TextConfig, greedy: boolean, provider: Provider = 'cpu') {
    this.#provider = provider;
    this.#text = text;
    this.#greedy = greedy;
    this.#temperature = g.input('temperature', 'float32', []);
    this.#penalty = g.input('penalty', 'float32', []);
    this.#vocabulary = g.constant(
      Float32Array.from({ length: text.vocabSize }, (_, id) => id),
      [1, text.vocabSize],
    );
  }

  /**
   * From logits [rows, vocabulary] and one uniform number for each row; rows that have `ended` give the pad id and
   * log-prob 0.
   */
  next(
    b: GraphBuilder,
    logits: Value,
    { seen }: Seen,
    ended: Value | null,
    uniform: Value,
  ): { logprob: Value; states: TokenStates } {
    const { eosTokenIds, padTokenId } = this.#text;
    const [rows] = logits.shape;
    const id = this.#chosen(b, seen === undefined ? logits : this.#penalized(b, logits, seen), uniform);
    const { picked } = tokenLogprob(b, this.#greedy ? logits : div(b, logits, this.#temperature), id);
    const visibleId = ended === null ? id : where(b, ended, b.ints([padTokenId], []), id);
    const logprob = ended === null ? picked : where(b, ended, b.scalar(0), picked);
    const isEnd = eosTokenIds
      .map((end) => equal(b, visibleId, b.ints([end], [])))
      .reduce((one, other) => or(b, one, other));
    const states = { id: visibleId, ended: ended === null ? isEnd : or(b, ended, isEnd) };
    return {
      logprob,
      states:
        seen === undefined ? states : { ...states, seen: this.#withSeen(b, seen, reshape(b, visibleId, [rows, 1])) },
    };
  }

  /**
   * With kernels that the provider has: WebGPU cannot compare int64 or concatenate bools, and the CPU cannot select
   * bools.
   */
  #withSeen(b: GraphBuilder, seen: Value, id: Value): Value {
    const now = equal(b, cast(b, id, 'float32'), this.#vocabulary);
    return this.#provider === 'webgpu' ? where(b, now, now, seen) : or(b, seen, now);
  }

  /** CTRL's penalty (Keskar et al. 2019): positive logits shrink, negative ones grow. */
  #penalized(b: GraphBuilder, logits: Value, seen: Value): Value {
    const lower = where(
      b,
      greater(b, logits, b.scalar(0)),
      div(b, logits, this.#penalty),
      mul(b, logits, this.#penalty),
    );
    return where(b, seen, lower, logits);
  }

  #chosen(b: GraphBuilder, offered: Value, uniform: Value): Value {
    if (this.#greedy) return argMax(b, offered);
    const [rows, vocabulary] = offered.shape;
    // Inverse-CDF sampling: the first token whose cumulative probability reaches the uniform number.
    const cumulative = cumulativeSum(b, softmax(b, div(b, offered, this.#temperature)));
    const total = slice(b, cumulative, 1, vocabulary - 1);
    const reached = greaterOrEqual(b, cumulative, mul(b, reshape(b, uniform, [rows, 1]), total));
    return argMax(b, cast(b, reached, 'float32'));
  }
}

/** Whether some row has not ended. */
export function someGoesOn(b: GraphBuilder, ended: Value): Value {
  return less(b, reduceSum(b, cast(b, ended, 'float32'), [0]), b.scalar(ended.shape[0]));
}
