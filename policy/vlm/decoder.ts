/** The Llama / Mistral decoder: the parts that training and sampling share. Hidden states are matrices [rows * tokens, hidden]. */
import type { GraphBuilder } from '../../graph/builder.ts';
import { add, cast } from '../../graph/ops/elementwise.ts';
import { replaceRows, reshape, split, transpose } from '../../graph/ops/movement.ts';
import { gemm } from '../../graph/ops/linear-algebra.ts';
import { gatedSilu, rmsNorm, rotary } from '../../graph/ops/neural.ts';
import type { Value } from '../../graph/program.ts';
import type { TextConfig } from '../vlm-config.ts';
import type { GraphParameters } from './parameters.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';

/** Score of a position that must not be looked at; finite, so that a row without any visible position stays finite. */
export const HIDDEN_SCORE = -1e9;

const attentionWeight = (layer: number, name: string) => `language_model.layers.${layer}.self_attn.${name}`;

type Turns = { cosine: Value; sine: Value };

export class Decoder {
  readonly g: GraphBuilder;
  readonly config: TextConfig;
  readonly #parameters: GraphParameters;
  /** Cosines and sines of every position; those of queries hold attention's 1 / sqrt(headDim) too. */
  readonly #turns: { queries: Turns; keys: Turns };

  /** `positions`: how many rotary positions the graph can need; a decoder inside a loop shares the tables of the one `outside`. */
  constructor(g: GraphBuilder, config: TextConfig, parameters: GraphParameters, positions: number, outside?: Decoder) {
    this.g = g;
    this.config = config;
    this.#parameters = parameters;
    if (outside !== undefined) {
      this.#turns = outside.#turns;
      return;
    }
    const half = config.headDim / 2;
    const frequencies = rotaryFrequencies(config);
    const angles = Float64Array.from({ length: positions * half }, (_, index) => Math.floor(index / half) * frequencies[index % half]);
    const table = (of: (angle: number) => number, factor: number) => g.constant(Float32Array.from(angles, (angle) => factor * of(angle)), [positions, half]);
    const turns = (factor: number): Turns => ({ cosine: table(Math.cos, factor), sine: table(Math.sin, factor) });
    this.#turns = { queries: turns(1 / Math.sqrt(config.headDim)), keys: turns(1) };
  }

  /** Token embeddings of ids [n], with image features in the rows `imagePositions`. */
  embed(ids: Value, image?: { features: Value; positions: Value }): Value {
    const embedded = this.#parameters.rows('language_model.embed_tokens.weight', ids);
    return image === undefined ? embedded : replaceRows(this.g, embedded, image.positions, image.features);
  }

  norm(name: string, x: Value): Value {
    const normed = rmsNorm(this.g, cast(this.g, x, 'float32'), this.#parameters.get(`language_model.${name}.weight`), this.config.rmsNormEps);
    return cast(this.g, normed, x.dtype);
  }

  /** Queries for `tokens` positions of each row, divided by sqrt(headDim): [rows, kv, group * tokens, headDim]; positions int64 [rows, tokens]. */
  queries(layer: number, normed: Value, positions: Value): Value {
    return this.#asQueries(this.#project(layer, 'q_proj', normed), positions);
  }

  /** Keys and values: [rows, kv, tokens, headDim] each. */
  keysAndValues(layer: number, normed: Value, positions: Value): { keys: Value; values: Value } {
    return this.#asKeysAndValues(this.#project(layer, 'k_proj', normed), this.#project(layer, 'v_proj', normed), positions);
  }

  /** Both for the newest token of each row, by one product where trained weights allow it. */
  queriesKeysAndValues(layer: number, normed: Value, positions: Value): { queries: Value; keys: Value; values: Value } {
    const { heads, keyValueHeads, headDim } = this.config;
    const names = ['q_proj', 'k_proj', 'v_proj'].map((name) => attentionWeight(layer, name));
    if (!names.every((name) => this.#parameters.inColumns(name, normed.shape[0]))) return { queries: this.queries(layer, normed, positions), ...this.keysAndValues(layer, normed, positions) };
    const together = transpose(this.g, this.#parameters.columns(names, normed, 'rows'), [1, 0]);
    const [q, k, v] = split(this.g, together, 1, [heads, keyValueHeads, keyValueHeads].map((count) => count * headDim));
    return { queries: this.#asQueries(q, positions), ...this.#asKeysAndValues(k, v, positions) };
  }

  #asQueries(projected: Value, positions: Value): Value {
    const { heads, keyValueHeads, headDim } = this.config;
    const [rows, tokens] = positions.shape;
    const group = heads / keyValueHeads;
    const turned = this.#rotated(projected, positions, heads, this.#turns.queries);
    const split = transpose(this.g, reshape(this.g, turned, [rows, tokens, keyValueHeads, group, headDim]), [0, 2, 3, 1, 4]);
    return reshape(this.g, split, [rows, keyValueHeads, group * tokens, headDim]);
  }

  #asKeysAndValues(keys: Value, values: Value, positions: Value): { keys: Value; values: Value } {
    const { keyValueHeads, headDim } = this.config;
    const [rows, tokens] = positions.shape;
    const split = (x: Value) => transpose(this.g, reshape(this.g, x, [rows, tokens, keyValueHeads, headDim]), [0, 2, 1, 3]);
    return { keys: split(this.#rotated(keys, positions, keyValueHeads, this.#turns.keys)), values: split(values) };
  }

  /** The rest of a layer behind attention: output projection and gated MLP, each added to the residual. `mixed` is [rows, kv, group * tokens, headDim]. */
  finishLayer(layer: number, mixed: Value, residual: Value): Value {
    const { heads, keyValueHeads, headDim } = this.config;
    const [rows, , grouped] = mixed.shape;
    const group = heads / keyValueHeads;
    const tokens = grouped / group;
    const joined = transpose(this.g, reshape(this.g, mixed, [rows, keyValueHeads, group, tokens, headDim]), [0, 3, 1, 2, 4]);
    const at = `language_model.layers.${layer}`;
    const attended = this.#parameters.linear(`${at}.self_attn.o_proj`, reshape(this.g, joined, [rows * tokens, heads * headDim]), { added: residual });
    const normed = this.norm(`layers.${layer}.post_attention_layernorm`, attended);
    const [gateName, upName, downName] = ['gate', 'up', 'down'].map((name) => `${at}.mlp.${name}_proj`);
    const gated = (project: (name: string) => Value) => gatedSilu(this.g, project(gateName), project(upName));
    if (![gateName, upName, downName].every((name) => this.#parameters.inColumns(name, rows * tokens))) return this.#parameters.linear(downName, gated((name) => this.#parameters.linear(name, normed)), { added: attended });
    const down = this.#parameters.columns([downName], gated((name) => this.#parameters.columns([name], normed, 'rows')), 'columns');
    return add(this.g, transpose(this.g, down, [1, 0]), attended);
  }

  /** Logits of final-norm hidden states [n, hidden] -> float32 [n, vocabulary]. */
  logits(hidden: Value): Value {
    const tied = () => gemm(this.g, hidden, this.#parameters.get('language_model.embed_tokens.weight', hidden.dtype), { transB: true });
    return cast(this.g, this.config.tiedEmbeddings ? tied() : this.#parameters.linear('lm_head', hidden), 'float32');
  }

  #project(layer: number, name: string, normed: Value): Value {
    return this.#parameters.linear(attentionWeight(layer, name), normed);
  }

  /** [rows * tokens, heads * headDim] -> [rows, tokens, heads * headDim], turned. */
  #rotated(x: Value, positions: Value, heads: number, { cosine, sine }: Turns): Value {
    const [rows, tokens] = positions.shape;
    const straight = cast(this.g, reshape(this.g, x, [rows, tokens, heads * this.config.headDim]), 'float32');
    return cast(this.g, rotary(this.g, straight, positions, cosine, sine, heads), x.dtype);
  }
}
