/**
 * The Llama / Mistral decoder: the parts that training and sampling share. Hidden states are matrices [rows * tokens,
 * hidden]; between the parts of a loop's turn [hidden, rows] where products with trained weights are better made so.
 */
import type { GraphBuilder } from '../../graph/builder.ts';
import { cast } from '../../graph/ops/elementwise.ts';
import { replaceRows, reshape, split, transpose } from '../../graph/ops/movement.ts';
import { gemm } from '../../graph/ops/linear-algebra.ts';
import { gatedSilu, rmsNorm, rotary } from '../../graph/ops/neural.ts';
import type { Value } from '../../graph/program.ts';
import type { TextConfig } from '../vlm-config.ts';
import type { GraphParameters } from './parameters.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';

const attentionWeight = (layer: number, name: string) => `language_model.layers.${layer}.self_attn.${name}`;
const projections = (layer: number) => [
  ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => attentionWeight(layer, name)),
  ...['gate', 'up', 'down'].map((name) => `language_model.layers.${layer}.mlp.${name}_proj`),
];

type Turns = { cosine: Value; sine: Value };

export class Decoder {
  readonly g: GraphBuilder;
  readonly config: TextConfig;
  readonly #parameters: GraphParameters;
  /** Cosines and sines of every position; those of queries hold attention's 1 / sqrt(headDim) too. */
  readonly #turns: { queries: Turns; keys: Turns };

  /** Whether hidden states are columns. */
  readonly #inColumns: boolean;

  /**
   * `positions`: how many rotary positions the graph can need; a decoder for `rows` tokens a turn of a loop shares the
   * tables of the one `outside`.
   */
  constructor(
    g: GraphBuilder,
    config: TextConfig,
    parameters: GraphParameters,
    positions: number,
    turn?: { outside: Decoder; rows: number },
  ) {
    this.g = g;
    this.config = config;
    this.#parameters = parameters;
    this.#inColumns =
      turn !== undefined &&
      Array.from({ length: config.layers }, (_, layer) => projections(layer))
        .flat()
        .every((name) => parameters.inColumns(name, turn.rows));
    if (turn !== undefined) {
      this.#turns = turn.outside.#turns;
      return;
    }
    const half = config.headDim / 2;
    const frequencies = rotaryFrequencies(config);
    const angles = Float64Array.from(
      { length: positions * half },
      (_, index) => Math.floor(index / half) * frequencies[index % half],
    );
    const table = (of: (angle: number) => number, factor: number) =>
      g.constant(
        Float32Array.from(angles, (angle) => factor * of(angle)),
        [positions, half],
      );
    const turns = (factor: number): Turns => ({ cosine: table(Math.cos, factor), sine: table(Math.sin, factor) });
    this.#turns = { queries: turns(1 / Math.sqrt(config.headDim)), keys: turns(1) };
  }

  /** Token embeddings of ids [n], with image features in the rows `imagePositions`. */
  embed(ids: Value, image?: { features: Value; positions: Value }): Value {
    const embedded = this.#parameters.rows('language_model.embed_tokens.weight', ids);
    const x = image === undefined ? embedded : replaceRows(this.g, embedded, image.positions, image.features);
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

  /**
   * Queries for `tokens` positions of each row, divided by sqrt(headDim): [rows, kv, group * tokens, headDim];
   * positions int64 [rows, tokens].
   */
  queries(layer: number, normed: Value, positions: Value): Value {
    return this.#grouped(
      this.#turned(this.#project(layer, 'q_proj', normed, positions), positions, this.#turns.queries),
    );
  }

  /** Keys and values: [rows, kv, tokens, headDim] each. */
  keysAndValues(layer: number, normed: Value, positions: Value): { keys: Value; values: Value } {
    return {
      keys: this.#turned(this.#project(layer, 'k_proj', normed, positions), positions, this.#turns.keys),
      values: this.#project(layer, 'v_proj', normed, positions),
    };
  }

  /** Both for the newest token of each row, by one product where trained weights allow it. */
  queriesKeysAndValues(layer: number, normed: Value, positions: Value): { queries: Value; keys: Value; values: Value } {
    const { heads, keyValueHeads } = this.config;
    if (!this.#inColumns)
      return { queries: this.queries(layer, normed, positions), ...this.keysAndValues(layer, normed, positions) };
    const together = this.#heads(
      transpose(
        this.g,
        this.#parameters.columns(
          ['q_proj', 'k_proj', 'v_proj'].map((name) => attentionWeight(layer, name)),
          normed,
        ),
        [1, 0],
      ),
      positions,
    );
    const [q, k, v] = split(this.g, together, 1, [heads, keyValueHeads, keyValueHeads]);
    return {
      queries: this.#grouped(this.#turned(q, positions, this.#turns.queries)),
      keys: this.#turned(k, positions, this.#turns.keys),
      values: v,
    };
  }

  /**
   * Queries [rows, heads, tokens, headDim] with those that meet the same keys below each other: [rows, kv, group *
   * tokens, headDim].
   */
  #grouped(queries: Value): Value {
    const [rows, heads, tokens, headDim] = queries.shape;
    const { keyValueHeads } = this.config;
    return reshape(this.g, queries, [rows, keyValueHeads, (heads / keyValueHeads) * tokens, headDim]);
  }

  /**
   * The rest of a layer behind attention: output projection and gated MLP, each added to the residual. `mixed` is
   * [rows, kv, group * tokens, headDim].
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

  #project(layer: number, name: string, normed: Value, positions: Value): Value {
    return this.#heads(this.#parameters.linear(attentionWeight(layer, name), normed), positions);
  }

  /** [rows * tokens, heads * headDim] -> [rows, heads, tokens, headDim]. */
  #heads(x: Value, positions: Value): Value {
    const [rows, tokens] = positions.shape;
    const { headDim } = this.config;
    return transpose(this.g, reshape(this.g, x, [rows, tokens, x.shape[1] / headDim, headDim]), [0, 2, 1, 3]);
  }

  /** [rows, heads, tokens, headDim] at their positions. */
  #turned(x: Value, positions: Value, { cosine, sine }: Turns): Value {
    return cast(this.g, rotary(this.g, cast(this.g, x, 'float32'), positions, cosine, sine), x.dtype);
  }
}
