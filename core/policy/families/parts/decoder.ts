/**
 * The decoder of all families: RMS norms, grouped attention with rotary positions, gated MLPs. Hidden states are
 * matrices [rows * tokens, hidden]; within a decoding step they are [hidden, rows] where that makes products with
 * trained weights faster.
 */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { add, cast, mul } from '../../../graph/ops/elementwise.ts';
import { gatherRows, reshape, slice, split, transpose } from '../../../graph/ops/movement.ts';
import { gemm } from '../../../graph/ops/linear-algebra.ts';
import { gatedSilu, rmsNorm, rotary } from '../../../graph/ops/neural.ts';
import type { Value } from '../../../graph/program.ts';
import type { RopeSections, TextConfig } from '../../vlm-config.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { InLayer } from '../model-family.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';

const attentionWeight = (layer: number, name: string) => `language_model.layers.${layer}.self_attn.${name}`;
const projections = (layer: number) => [
  ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => attentionWeight(layer, name)),
  ...['gate', 'up', 'down'].map((name) => `language_model.layers.${layer}.mlp.${name}_proj`),
];

type RotaryTables = { cosine: Value; sine: Value };

/**
 * Positions of tokens: `at` int64 [rows, tokens] picks rows of the tables [positions, headDim / 2]; the tables for
 * queries include attention's 1 / sqrt(headDim).
 */
export type Rotations = { at: Value; queries: RotaryTables; keys: RotaryTables };

export class Decoder {
  readonly g: GraphBuilder;
  readonly config: TextConfig;
  readonly #parameters: GraphParameters;
  readonly #positions: number;
  /** Rotations for every position on one axis. */
  readonly #tables: Omit<Rotations, 'at'>;
  /** Whether hidden states are columns. */
  readonly #inColumns: boolean;

  /**
   * `positions`: the most positions on an axis that the graph can need; a decoder for a decoding step of `rows` tokens
   * shares the tables of the one `outside`.
   */
  constructor(
    g: GraphBuilder,
    config: TextConfig,
    parameters: GraphParameters,
    positions: number,
    step?: { outside: Decoder; rows: number },
  ) {
    this.g = g;
    this.config = config;
    this.#parameters = parameters;
    this.#positions = positions;
    this.#inColumns =
      step !== undefined &&
      Array.from({ length: config.layers }, (_, layer) => projections(layer))
        .flat()
        .every((name) => parameters.inColumns(name, step.rows));
    if (step !== undefined) {
      this.#tables = step.outside.#tables;
      return;
    }
    this.#tables = { queries: this.#makeTables(1 / Math.sqrt(config.headDim)), keys: this.#makeTables(1) };
  }

  /** Cosines and sines [positions, headDim / 2], times `factor`; 0 for frequencies that do not rotate. */
  #makeTables(factor: number, rotates: (frequency: number) => boolean = () => true): RotaryTables {
    const half = this.config.headDim / 2;
    const frequencies = rotaryFrequencies(this.config);
    const table = (of: (angle: number) => number) =>
      this.g.constant(
        Float32Array.from({ length: this.#positions * half }, (_, index) =>
          rotates(index % half) ? factor * of(Math.floor(index / half) * frequencies[index % half]) : 0,
        ),
        [this.#positions, half],
      );
    return { cosine: table(Math.cos), sine: table(Math.sin) };
  }

  /** For positions int64 [rows, tokens] that are the same on all axes. */
  rotations(positions: Value): Rotations {
    return { at: positions, ...this.#tables };
  }

  /** For positions int64 [axes, rows, tokens]. */
  rotationsOnAxes(positions: Value): Rotations {
    const { g } = this;
    const [axes, rows, tokens] = positions.shape;
    const { ropeSections: sections } = this.config;
    if (sections === null) return this.rotations(reshape(g, positions, [rows, tokens]));
    const half = this.config.headDim / 2;
    const count = rows * tokens;
    const onAxis = Array.from({ length: axes }, (_, axis) => {
      const { cosine, sine } = this.#makeTables(1, (frequency) => axisOf(frequency, sections) === axis);
      const at = reshape(g, slice(g, positions, 0, axis, axis + 1), [count]);
      return { cosine: gatherRows(g, cosine, at), sine: gatherRows(g, sine, at) };
    });
    const sum = (part: keyof RotaryTables) =>
      reshape(
        g,
        onAxis.map((tables) => tables[part]).reduce((one, other) => add(g, one, other)),
        [count, half],
      );
    const keys = { cosine: sum('cosine'), sine: sum('sine') };
    const factor = g.scalar(1 / Math.sqrt(this.config.headDim));
    const queries = { cosine: mul(g, keys.cosine, factor), sine: mul(g, keys.sine, factor) };
    return {
      at: g.ints(
        Array.from({ length: count }, (_, token) => token),
        [rows, tokens],
      ),
      queries,
      keys,
    };
  }

  /**
   * All layers and the final norm: [rows * tokens, hidden] for the tokens that `attend` keeps. `attend` mixes the
   * values of a layer for its queries, which may be those of the last tokens only; `residual` has the same tokens.
   * `after` changes a layer's output.
   */
  layers(
    embedded: Value,
    attend: (layer: number, normed: Value, x: Value) => { mixed: Value; residual: Value },
    {
      inLayer = (make) => make(),
      after = (_, x) => x,
    }: { inLayer?: InLayer; after?: (layer: number, x: Value) => Value } = {},
  ): Value {
    let x = embedded;
    for (let layer = 0; layer < this.config.layers; layer++) {
      const entering = x;
      const made = inLayer(() => {
        const normed = this.norm(`layers.${layer}.input_layernorm`, entering);
        const { mixed, residual } = attend(layer, normed, entering);
        return this.finishLayer(layer, mixed, residual);
      });
      x = after(layer, made);
    }
    return this.norm('norm', x);
  }

  /** Token embeddings of ids [n]; `place` replaces some of them. */
  embed(ids: Value, place: (embedded: Value) => Value = (embedded) => embedded): Value {
    const x = place(this.#parameters.rows('language_model.embed_tokens.weight', ids));
    return this.#inColumns ? transpose(this.g, x, [1, 0]) : x;
  }

  /** Always [rows * tokens, hidden]. */
  norm(name: string, hidden: Value): Value {
    const x = this.#inColumns ? transpose(this.g, hidden, [1, 0]) : hidden;
    const normed = rmsNorm(
      this.g,
      cast(this.g, x, 'float32'),
      this.#parameters.get(`language_model.${name}.weight`),
      this.config.rmsNormEps,
    );
    return cast(this.g, normed, x.dtype);
  }

  /** Queries for `tokens` tokens of each row, divided by sqrt(headDim): [rows, kv, group * tokens, headDim]. */
  queries(layer: number, normed: Value, rotations: Rotations): Value {
    return this.#grouped(this.#rotatedQueries(layer, this.#project(layer, 'q_proj', normed, rotations), rotations));
  }

  /** Keys and values: [rows, kv, tokens, headDim] each. */
  keysAndValues(layer: number, normed: Value, rotations: Rotations): { keys: Value; values: Value } {
    return {
      keys: this.#rotatedKeys(layer, this.#project(layer, 'k_proj', normed, rotations), rotations),
      values: this.#project(layer, 'v_proj', normed, rotations),
    };
  }

  /** Both for the newest token of each row, by one product if trained weights allow it. */
  queriesKeysAndValues(
    layer: number,
    normed: Value,
    rotations: Rotations,
  ): { queries: Value; keys: Value; values: Value } {
    const { heads, keyValueHeads } = this.config;
    if (!this.#inColumns)
      return { queries: this.queries(layer, normed, rotations), ...this.keysAndValues(layer, normed, rotations) };
    const together = this.#heads(
      transpose(
        this.g,
        this.#parameters.columns(
          ['q_proj', 'k_proj', 'v_proj'].map((name) => attentionWeight(layer, name)),
          normed,
        ),
        [1, 0],
      ),
      rotations,
    );
    const [q, k, v] = split(this.g, together, 1, [heads, keyValueHeads, keyValueHeads]);
    return {
      queries: this.#grouped(this.#rotatedQueries(layer, q, rotations)),
      keys: this.#rotatedKeys(layer, k, rotations),
      values: v,
    };
  }

  /**
   * Queries [rows, heads, tokens, headDim] with those of the same keys stacked: [rows, kv, group * tokens, headDim].
   */
  #grouped(queries: Value): Value {
    const [rows, heads, tokens, headDim] = queries.shape;
    const { keyValueHeads } = this.config;
    return reshape(this.g, queries, [rows, keyValueHeads, (heads / keyValueHeads) * tokens, headDim]);
  }

  /**
   * The rest of a layer after attention: output projection and gated MLP, each added to the residual. `mixed` is [rows,
   * kv, group * tokens, headDim].
   */
  finishLayer(layer: number, mixed: Value, residual: Value): Value {
    const { heads, keyValueHeads, headDim } = this.config;
    const [rows, , grouped] = mixed.shape;
    const tokens = (grouped * keyValueHeads) / heads;
    const joined = transpose(this.g, reshape(this.g, mixed, [rows, heads, tokens, headDim]), [0, 2, 1, 3]);
    const [, , , output, gate, up, down] = projections(layer);
    const project = (name: string, x: Value, added?: Value) =>
      this.#inColumns ? this.#parameters.columns([name], x, { added }) : this.#parameters.linear(name, x, { added });
    const attended = project(output, reshape(this.g, joined, [rows * tokens, heads * headDim]), residual);
    const normed = this.norm(`layers.${layer}.post_attention_layernorm`, attended);
    const gated = gatedSilu(this.g, project(gate, normed), project(up, normed));
    return this.#inColumns
      ? this.#parameters.columns([down], gated, { from: 'columns', added: attended })
      : project(down, gated, attended);
  }

  /** Logits of final-norm hidden states [n, hidden] -> float32 [n, vocabulary]. */
  logits(hidden: Value): Value {
    const tied = () =>
      gemm(this.g, hidden, this.#parameters.get('language_model.embed_tokens.weight', hidden.dtype), { transB: true });
    return cast(this.g, this.config.tiedEmbeddings ? tied() : this.#parameters.linear('lm_head', hidden), 'float32');
  }

  #project(layer: number, name: string, normed: Value, rotations: Rotations): Value {
    return this.#heads(this.#parameters.linear(attentionWeight(layer, name), normed), rotations);
  }

  /** [rows * tokens, heads * headDim] -> [rows, heads, tokens, headDim]. */
  #heads(x: Value, { at }: Rotations): Value {
    const [rows, tokens] = at.shape;
    const { headDim } = this.config;
    return transpose(this.g, reshape(this.g, x, [rows, tokens, x.shape[1] / headDim, headDim]), [0, 2, 1, 3]);
  }

  #rotatedQueries(layer: number, x: Value, { at, queries }: Rotations): Value {
    return this.#rotated(attentionWeight(layer, 'q_norm'), x, at, queries);
  }

  #rotatedKeys(layer: number, x: Value, { at, keys }: Rotations): Value {
    return this.#rotated(attentionWeight(layer, 'k_norm'), x, at, keys);
  }

  /** [rows, heads, tokens, headDim], normed if the model does so, rotated to their positions. */
  #rotated(norm: string, x: Value, at: Value, { cosine, sine }: RotaryTables): Value {
    const wide = cast(this.g, x, 'float32');
    const normed = this.config.headNorm
      ? rmsNorm(this.g, wide, this.#parameters.get(`${norm}.weight`), this.config.rmsNormEps)
      : wide;
    return cast(this.g, rotary(this.g, normed, at, cosine, sine), x.dtype);
  }
}

/** The axis of positions that a frequency rotates by. */
function axisOf(frequency: number, { lengths: [time, height, width], interleaved }: RopeSections): number {
  if (!interleaved) return frequency < time ? 0 : frequency < time + height ? 1 : 2;
  const axis = frequency % 3;
  return axis > 0 && frequency < 3 * [0, height, width][axis] ? axis : 0;
}
