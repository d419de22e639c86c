/**
 * Parameters inside a graph: trained ones are inputs, so that one session serves all updates; frozen ones stay in their
 * files.
 */
import type { GraphBuilder } from '../../graph/builder.ts';
import { add, cast } from '../../graph/ops/elementwise.ts';
import { concat, gatherRows, reshape, transpose } from '../../graph/ops/movement.ts';
import { gemm } from '../../graph/ops/linear-algebra.ts';
import type { InputValue, Provider, Value } from '../../graph/program.ts';
import type { DType } from '../../graph/tensor.ts';
import type { StoredDType, TensorLocation } from '../../graph/safetensors.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import type { LoraDropout } from './lora-dropout.ts';
import type { Precision } from '../vlm-config.ts';

/** Everything that graphs are made from. */
export type GraphModel = {
  checkpoint: Checkpoint;
  trained: readonly TrainedParameter[];
  loraScale: number;
  /** Rate of LoRA dropout in updates. */
  loraDropout: number;
  precision: Precision;
  /** Whether each layer's activations are computed again in the backward pass instead of being kept. */
  gradientCheckpointing: boolean;
  /** Whose kernels compute the graphs; by default the CPU's. */
  provider?: Provider;
};

/** A trained parameter and its shape. */
export type TrainedParameter = { name: string; shape: readonly number[] };

/** Element types of stored weights: checkpoints with other types are not opened. */
const DTYPES: Readonly<Partial<Record<StoredDType, DType>>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** With fewer rows, products are faster with the weight as the right operand. */
const LEAST_COLUMNS = 8;

export class GraphParameters {
  readonly #g: GraphBuilder;
  readonly #checkpoint: Checkpoint;
  readonly #inputs: ReadonlyMap<string, InputValue>;
  readonly #loraScale: number;
  readonly #dropout: LoraDropout | null;
  readonly #outer: GraphParameters | null;
  readonly precision: Precision;
  readonly #provider: Provider | undefined;

  /**
   * Makes the inputs of `g`; `outer` gives those of the graph around a loop body instead. `dropout`: only while the
   * policy is updated.
   */
  constructor(
    g: GraphBuilder,
    {
      checkpoint,
      trained,
      loraScale,
      precision,
      provider,
    }: Pick<GraphModel, 'checkpoint' | 'trained' | 'loraScale' | 'precision' | 'provider'>,
    { outer, dropout }: { outer?: GraphParameters; dropout?: LoraDropout } = {},
  ) {
    this.#g = g;
    this.#checkpoint = checkpoint;
    this.#inputs =
      outer !== undefined
        ? outer.#inputs
        : new Map(trained.map(({ name, shape }) => [name, g.input(name, 'float32', shape)]));
    this.#loraScale = loraScale;
    this.#dropout = dropout ?? null;
    this.#outer = outer ?? null;
    this.precision = precision;
    this.#provider = provider;
  }

  /** The same parameters for the body of a loop. */
  within(body: GraphBuilder): GraphParameters {
    return new GraphParameters(
      body,
      {
        checkpoint: this.#checkpoint,
        trained: [],
        loraScale: this.#loraScale,
        precision: this.precision,
        provider: this.#provider,
      },
      { outer: this },
    );
  }

  /** The trained parameters, in their order. */
  get trained(): InputValue[] {
    return [...this.#inputs.values()];
  }

  /** Whether nothing whose name begins so is trained. */
  isFrozen(prefix: string): boolean {
    return [...this.#inputs.keys()].every((name) => !name.startsWith(prefix));
  }

  /** Whether the CPU's kernels compute in float32. */
  get areFloat32OnCpu(): boolean {
    return this.precision === 'float32' && (this.#provider ?? 'cpu') === 'cpu';
  }

  has(name: string): boolean {
    return this.#inputs.has(name) || this.#stored(name) !== undefined;
  }

  /** A parameter in an element type. Throws `CheckpointError` when the checkpoint lacks it. */
  get(name: string, dtype: DType = 'float32'): Value {
    return cast(this.#g, this.#raw(name), dtype);
  }

  /** Rows `at` of a table in the model's precision; only those are converted. */
  rows(name: string, at: Value): Value {
    return cast(this.#g, gatherRows(this.#g, this.#raw(name), at), this.precision);
  }

  #raw(name: string): Value {
    const input = this.#inputs.get(name);
    if (input !== undefined) return input;
    const location = this.#stored(name);
    if (location === undefined)
      throw new CheckpointError(
        `${this.#checkpoint.folder} has no parameter ${name}; the checkpoint does not fit its config.json`,
      );
    const { dtype, shape, file, byteOffset, byteLength } = location;
    const type = DTYPES[dtype]!;
    const data = { name, file, offset: byteOffset, bytes: byteLength };
    // WebGPU has no bfloat16, and float16 only on some devices: converted once, not in every run.
    const matrix: DType = shape.length > 1 && this.precision === 'float16' ? 'float16' : 'float32';
    return this.#provider === 'webgpu' && type !== matrix
      ? this.#g.stored(matrix, shape, { ...data, from: dtype })
      : this.#g.stored(type, shape, data);
  }

  #stored(name: string): TensorLocation | undefined {
    return this.#checkpoint.parameters.get(name) ?? this.#checkpoint.valueHead?.get(name);
  }

  /**
   * Whether products with `rows` rows are faster as W x^T, with a column for each row: onnxruntime rearranges the right
   * operand of every product. If that is the weight, this costs more than a product with few rows. Weights in files are
   * rearranged once, when the session is made.
   */
  inColumns(name: string, rows: number): boolean {
    return this.#outer !== null && rows >= LEAST_COLUMNS && this.#inputs.has(`${name}.weight`);
  }

  /**
   * W x^T (+ b) (+ added): columns [outputs, n] from rows [n, inputs] or columns [inputs, n]; the outputs of several
   * layers are stacked.
   */
  columns(
    names: readonly string[],
    x: Value,
    { from = 'rows', added }: { from?: 'rows' | 'columns'; added?: Value } = {},
  ): Value {
    const outside = this.#outer ?? this;
    const stacked = (part: 'weight' | 'bias') =>
      concat(
        outside.#g,
        names.map((name) => outside.get(`${name}.${part}`, x.dtype)),
        0,
      );
    const weight = stacked('weight');
    const bias = this.has(`${names[0]}.bias`) ? reshape(outside.#g, stacked('bias'), [weight.shape[0], 1]) : undefined;
    return gemm(this.#g, weight, x, { transB: from === 'rows', added: sumOf(this.#g, added, bias) });
  }

  /**
   * y = x W^T (+ b) (+ added), and where `name` carries an adapter + alpha / r (dropout(x) A^T) B^T, all in the type of
   * x [rows, inputs].
   */
  linear(name: string, x: Value, { added }: { added?: Value } = {}): Value {
    const g = this.#g;
    if (this.inColumns(name, x.shape[0])) {
      const y = transpose(g, this.columns([name], x), [1, 0]);
      return added === undefined ? y : add(g, y, added);
    }
    const get = (part: string) => this.get(`${name}.${part}`, x.dtype);
    const bias = this.has(`${name}.bias`) ? get('bias') : undefined;
    const y = gemm(g, x, get('weight'), { transB: true, added: sumOf(g, added, bias) });
    if (!this.#inputs.has(`${name}.lora_A.weight`)) return y;
    const entering = this.#dropout === null ? x : this.#dropout.drop(name, x);
    const down = gemm(g, entering, get('lora_A.weight'), { transB: true, alpha: this.#dropout?.scale });
    return gemm(g, down, get('lora_B.weight'), { transB: true, alpha: this.#loraScale, added: y });
  }
}

/** The sum of the terms that are present. */
function sumOf(g: GraphBuilder, one: Value | undefined, other: Value | undefined): Value | undefined {
  return one !== undefined && other !== undefined ? add(g, one, other) : (one ?? other);
}
