/** Builds programs node by node with static shapes; every value type-checks. */

import type {
  Attributes,
  ConstantData,
  InitializerValue,
  InputValue,
  Node,
  Op,
  Program,
  StoredData,
  Value,
} from './program.ts';
import { schedule } from './schedule.ts';
import {
  elements,
  elementBytes,
  formatShape,
  formatType,
  GraphError,
  type DType,
  type Shape,
  type TensorType,
} from './tensor.ts';
import { typeCheck } from './type-check.ts';

/** Numbers every value of one model, nested loop bodies included. */
type Identity = { next: number };

export class GraphBuilder {
  readonly #identity: Identity;
  readonly #outer: GraphBuilder | null;
  readonly #inputs: InputValue[] = [];
  readonly #initializers: InitializerValue[] = [];
  readonly #nodes: Node[] = [];
  readonly #outputs: { name: string; value: Value }[] = [];
  /** Equal applications give the same value: gradients ask again for what the forward pass has. */
  readonly #known = new Map<string, readonly Value[]>();
  readonly #readers = new Map<Value, number>();
  readonly #segments: (readonly Node[])[] = [];

  constructor(outer: GraphBuilder | null = null) {
    this.#outer = outer;
    this.#identity = outer ? outer.#identity : { next: 0 };
  }

  /** A tensor fed on every run. */
  input(name: string, dtype: DType, shape: Shape): InputValue {
    if (this.#inputs.some((input) => input.name === name)) throw new GraphError(`two inputs are named ${name}`);
    const value = { id: this.#identity.next++, dtype, shape, node: null, name };
    this.#inputs.push(value);
    return value;
  }

  /** A small tensor inside the model; equal ones are one. */
  constant(data: ConstantData, shape: Shape): Value {
    if (data.length !== elements(shape))
      throw new GraphError(`a constant of shape ${formatShape(shape)} cannot hold ${data.length} elements`);
    if (this.#outer) return this.#outer.constant(data, shape);
    const dtype = dtypeOf(data);
    const key =
      data.length <= 16
        ? `constant ${dtype}${formatShape(shape)} ` +
          `${[...data].map((element) => (Object.is(element, -0) ? '-0' : String(element)))}`
        : null;
    return this.#once(key, () => this.#initializer({ dtype, shape }, data));
  }

  scalar(value: number): Value {
    return this.constant(new Float32Array([value]), []);
  }

  ints(values: readonly number[], shape: Shape = [values.length]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), shape);
  }

  /** A tensor that stays in its file. */
  stored(dtype: DType, shape: Shape, data: StoredData): Value {
    if (data.from === undefined && data.bytes !== elements(shape) * elementBytes[dtype])
      throw new GraphError(`${data.name}: ${dtype}${formatShape(shape)} does not take ${data.bytes} bytes`);
    if (this.#outer) return this.#outer.stored(dtype, shape, data);
    return this.#once(`stored ${data.file} ${data.offset} ${dtype}`, () => this.#initializer({ dtype, shape }, data));
  }

  /** Applies an operator; its outputs in order. Throws GraphError when the inputs do not fit it. */
  apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A, body?: Program): readonly Value[] {
    const key = applicationKey(op, inputs, attributes);
    const known = body ? undefined : this.#find(key);
    if (known) return known;
    return this.#make(key, op, inputs, attributes, body);
  }

  /** Applies a node's operator again, to the same or other inputs, even if such a value exists already. */
  again({ op, attributes, body }: Node, inputs: readonly Value[]): readonly Value[] {
    return this.#make(applicationKey(op, inputs, attributes), op, inputs, attributes, body);
  }

  /**
   * Values that `make` computes are not kept for reverse mode, which recomputes them from values outside (gradient
   * checkpointing).
   */
  recomputed<T>(make: () => T): T {
    const from = this.#nodes.length;
    const result = make();
    this.#segments.push(this.#nodes.slice(from));
    return result;
  }

  /** The parts to be recomputed, each in the order in which it was made. */
  get segments(): readonly (readonly Node[])[] {
    return this.#segments;
  }

  #make(key: string, op: Op, inputs: readonly Value[], attributes: Attributes, body?: Program): readonly Value[] {
    let types: TensorType[];
    try {
      types = op.infer(inputs, attributes, body);
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      throw new GraphError(
        `${op.name}(${inputs.map(formatType).join(', ')}) ${JSON.stringify(attributes)}: ${error.message}`,
      );
    }
    const outputs: Value[] = [];
    const node: Node = { op, inputs, outputs, attributes, body };
    for (const type of types) outputs.push({ id: this.#identity.next++, dtype: type.dtype, shape: type.shape, node });
    for (const input of inputs) this.#readers.set(input, this.readers(input) + 1);
    this.#nodes.push(node);
    this.#known.set(key, outputs);
    return outputs;
  }

  /** Number of uses of a value so far by nodes of this builder. */
  readers(value: Value): number {
    return this.#readers.get(value) ?? 0;
  }

  /** Names a result. Outputs keep the order of these calls. */
  output(name: string, value: Value): void {
    if (this.#outputs.some((output) => output.name === name)) throw new GraphError(`two outputs are named ${name}`);
    this.#outputs.push({ name, value });
  }

  /** The nodes so far, in the order they were made; for reverse mode. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The finished program: unused nodes dropped, the rest scheduled and type-checked. */
  finish(): Program {
    const program: Program = {
      inputs: this.#inputs,
      initializers: [],
      nodes: schedule(
        this.#nodes,
        this.#outputs.map(({ value }) => value),
      ),
      outputs: this.#outputs,
    };
    const read = readValues(program);
    const finished = { ...program, initializers: this.#initializers.filter((initializer) => read.has(initializer)) };
    if (!this.#outer) typeCheck(finished);
    return finished;
  }

  #find(key: string): readonly Value[] | undefined {
    return this.#known.get(key) ?? (this.#outer ? this.#outer.#find(key) : undefined);
  }

  #once(key: string | null, make: () => Value): Value {
    const known = key === null ? undefined : this.#known.get(key);
    if (known) return known[0];
    const value = make();
    if (key !== null) this.#known.set(key, [value]);
    return value;
  }

  #initializer({ dtype, shape }: TensorType, data: ConstantData | StoredData): Value {
    const value = { id: this.#identity.next++, dtype, shape, node: null, data };
    this.#initializers.push(value);
    return value;
  }
}

function dtypeOf(data: ConstantData): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  return data instanceof Uint32Array ? 'uint32' : 'bool';
}

function applicationKey(op: Op, inputs: readonly Value[], attributes: Attributes): string {
  return `${op.name} ${inputs.map((input) => input.id)} ${JSON.stringify(attributes)}`;
}

/** Every value that a program or a loop body in it reads. */
function readValues(program: Program): Set<Value> {
  const read = new Set<Value>(program.outputs.map(({ value }) => value));
  for (const node of program.nodes) {
    for (const input of node.inputs) read.add(input);
    if (node.body) for (const value of readValues(node.body)) read.add(value);
  }
  return read;
}
