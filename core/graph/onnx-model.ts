/** Encodes a program as an ONNX ModelProto. Field numbers are those of onnx.proto. */

import { realpathSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { MessageWriter } from './protobuf.ts';
import type {
  ConstantData,
  Emitter,
  InitializerValue,
  OnnxAttribute,
  OnnxNode,
  Program,
  Provider,
  StoredData,
  Value,
} from './program.ts';
import { ops } from './ops/registry.ts';
import { fromFloat32, readTensor } from './safetensors.ts';
import { elementBytes, elements, GraphError, ONNX_TYPES, UNKNOWN, type DType, type TensorType } from './tensor.ts';

/**
 * ONNX operator set: the newest at which onnxruntime's CUDA provider has a kernel for every operator here. An
 * open-ended kernel serves only the version that it was made for; at 19 comparisons, at 20 zeros, and at 21 loops would
 * fall back to the CPU, with copies in both directions.
 */
const OPSET = 18;
const IR_VERSION = 8;

type StoredValue = InitializerValue & { data: StoredData };

/**
 * A model's bytes, the folder that its external data is relative to (null where it has none), and the stored tensors
 * that must be given in memory (`storedBytes`), by the placeholders for their files. onnxruntime reads files or memory,
 * never both: where one large tensor is converted, all are given.
 */
export type EncodedModel = {
  bytes: Uint8Array;
  folder: string | null;
  given: ReadonlyMap<string, StoredValue>;
};

/** Converted tensors of at most this many elements are stored in the model itself: norms and biases. */
const MOST_INLINE = 2 ** 16;

function isStored(initializer: InitializerValue): initializer is StoredValue {
  return !ArrayBuffer.isView(initializer.data);
}

function isInline({ shape, data }: StoredValue): boolean {
  return data.from !== undefined && elements(shape) <= MOST_INLINE;
}

/** A stored tensor's bytes, in its type in the graph. */
export function storedBytes({ dtype, shape, data }: StoredValue): Uint8Array {
  const type = dtype === 'float16' ? 'F16' : 'F32';
  const { from = type, offset, bytes } = data;
  return fromFloat32(readTensor({ ...data, dtype: from, shape, byteOffset: offset, byteLength: bytes }), type);
}

/**
 * Encodes a model for the kernels of `provider`. Stored tensors become references to their files, by the files' real
 * places: onnxruntime follows no symbolic link out of the folder of external data, and caches of downloaded models
 * consist of such links.
 */
export function encodeModel(program: Program, provider: Provider = 'cpu'): EncodedModel {
  const stored = program.initializers.filter(isStored).filter((one) => !isInline(one));
  const folder = commonFolder(stored.map(({ data }) => data.file));
  const names = new Naming(
    provider,
    stored.some(({ data }) => data.from !== undefined),
  );
  const bytes = new MessageWriter()
    .int(1, IR_VERSION)
    .text(2, 'durable-gtr')
    .message(7, (graph) => writeGraph(graph, program, names, folder ?? '', true))
    .message(8, (opset) => opset.text(1, '').int(2, OPSET))
    .message(8, (opset) => opset.text(1, 'com.microsoft').int(2, 1))
    .finish();
  return { bytes, folder, given: names.given };
}

/** The deepest folder above the real places of all files. */
function commonFolder(files: readonly string[]): string | null {
  const folders = [...new Set(files)].map((file) => dirname(realpathSync(file)).split(sep));
  if (folders.length === 0) return null;
  const [first] = folders;
  const differs = first.findIndex((part, depth) => folders.some((parts) => parts[depth] !== part));
  return (differs === -1 ? first : first.slice(0, differs)).join(sep) || sep;
}

/**
 * Names of values, and constants requested while emitting. Shared by the whole model: nested graphs see the outer one's
 * names.
 */
class Naming implements Emitter {
  readonly provider: Provider;
  /** Whether stored tensors are given in memory, and those tensors. */
  readonly gives: boolean;
  readonly given = new Map<string, StoredValue>();
  readonly #names = new Map<Value, string>();
  readonly #constants = new Map<string, { dtype: DType; shape: number[]; bytes: Uint8Array }>();
  #temporaries = 0;

  constructor(provider: Provider, gives: boolean) {
    this.provider = provider;
    this.gives = gives;
  }

  of(value: Value): string {
    return this.#names.get(value) ?? `v${value.id}`;
  }

  /** False when the value has a name already. */
  name(value: Value, name: string): boolean {
    if (this.#names.has(value)) return false;
    this.#names.set(value, name);
    return true;
  }

  ints(values: readonly number[]): string {
    return this.#constant(
      'int64',
      [values.length],
      new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
      `ints ${values.join(' ')}`,
    );
  }

  scalar(value: number, dtype: 'float32' | 'uint32' = 'float32'): string {
    const data = dtype === 'float32' ? Float32Array.of(value) : Uint32Array.of(value);
    return this.#constant(dtype, [], new Uint8Array(data.buffer), `${dtype} ${value}`);
  }

  temporary(): string {
    return `t${this.#temporaries++}`;
  }

  constants(): Iterable<[string, { dtype: DType; shape: number[]; bytes: Uint8Array }]> {
    return this.#constants;
  }

  #constant(dtype: DType, shape: number[], bytes: Uint8Array, name: string): string {
    this.#constants.set(name, { dtype, shape, bytes });
    return name;
  }
}

function writeGraph(graph: MessageWriter, program: Program, names: Naming, folder: string, outermost: boolean): void {
  for (const input of program.inputs) names.name(input, outermost ? input.name : `v${input.id}.${input.name}`);
  const inputs = new Set<Value>(program.inputs);
  const copies: OnnxNode[] = [];
  const outputs = program.outputs.map(({ name, value }, i) => {
    const onnxName = outermost ? name : `out${i}.v${value.id}.${name}`;
    // A result that is an input, a constant, an outer value or another result needs its own node.
    const own = value.node && !inputs.has(value) && program.nodes.includes(value.node);
    if (!own || !names.name(value, onnxName))
      copies.push({ type: 'Identity', inputs: [names.of(value)], outputs: [onnxName] });
    return { name: onnxName, value };
  });
  for (const node of program.nodes) {
    if (!ops.includes(node.op))
      throw new GraphError(
        `operator ${node.op.name} is not exported from a file of core/graph/ops that the registry reads`,
      );
    const emitted = node.op.emit({
      inputs: node.inputs.map((input) => names.of(input)),
      outputs: node.outputs.map((output) => names.of(output)),
      attributes: node.attributes,
      types: node.inputs,
      body: node.body,
      emitter: names,
    });
    for (const onnxNode of emitted) writeNode(graph, onnxNode, names, folder);
  }
  for (const copy of copies) writeNode(graph, copy, names, folder);
  graph.text(2, 'program');
  for (const initializer of program.initializers)
    graph.message(5, (tensor) => writeInitializer(tensor, initializer, names, folder));
  if (outermost)
    for (const [name, { dtype, shape, bytes }] of names.constants())
      graph.message(5, (tensor) => writeTensor(tensor, name, dtype, shape).bytes(9, bytes));
  for (const input of program.inputs) graph.message(11, (info) => writeValueInfo(info, names.of(input), input));
  for (const { name, value } of outputs) graph.message(12, (info) => writeValueInfo(info, name, value));
}

function writeNode(
  graph: MessageWriter,
  { type, domain, inputs, outputs, attributes = {} }: OnnxNode,
  names: Naming,
  folder: string,
): void {
  graph.message(1, (node) => {
    for (const input of inputs) node.text(1, input);
    for (const output of outputs) node.text(2, output);
    node.text(4, type);
    for (const [name, value] of Object.entries(attributes))
      node.message(5, (attribute) => writeAttribute(attribute, name, value, names, folder));
    if (domain) node.text(7, domain);
  });
}

function writeAttribute(
  attribute: MessageWriter,
  name: string,
  value: OnnxAttribute,
  names: Naming,
  folder: string,
): void {
  attribute.text(1, name);
  if ('float' in value) attribute.float(2, value.float).int(20, 1);
  else if ('int' in value) attribute.int(3, value.int).int(20, 2);
  else if ('text' in value) attribute.text(4, value.text).int(20, 3);
  else if ('graph' in value)
    attribute.message(6, (graph) => writeGraph(graph, value.graph, names, folder, false)).int(20, 5);
  else {
    for (const int of value.ints) attribute.int(8, int);
    attribute.int(20, 7);
  }
}

function writeTensor(tensor: MessageWriter, name: string, dtype: DType, shape: readonly number[]): MessageWriter {
  for (const length of shape) tensor.int(1, length);
  return tensor.int(2, ONNX_TYPES[dtype]).text(8, name);
}

function writeInitializer(tensor: MessageWriter, initializer: InitializerValue, names: Naming, folder: string): void {
  const { dtype, shape } = initializer;
  writeTensor(tensor, names.of(initializer), dtype, shape);
  if (!isStored(initializer)) {
    const { buffer, byteOffset, byteLength } = initializer.data as ConstantData;
    tensor.bytes(9, new Uint8Array(buffer, byteOffset, byteLength));
    return;
  }
  if (isInline(initializer)) {
    tensor.bytes(9, storedBytes(initializer));
    return;
  }
  const { data } = initializer;
  const external = (location: string, offset: number, length: number) => ({
    location,
    offset: String(offset),
    length: String(length),
  });
  const given = `given ${names.given.size}`;
  if (names.gives) names.given.set(given, initializer);
  const place = names.gives
    ? external(given, 0, elements(shape) * elementBytes[dtype])
    : external(relative(folder, realpathSync(data.file)), data.offset, data.bytes);
  for (const [key, value] of Object.entries(place)) {
    tensor.message(13, (entry) => entry.text(1, key).text(2, value));
  }
  tensor.int(14, 1);
}

function writeValueInfo(info: MessageWriter, name: string, { dtype, shape }: TensorType): void {
  info.text(1, name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, ONNX_TYPES[dtype]);
      // A loop's tail is written without a shape: it changes from trip to trip.
      if (shape.includes(UNKNOWN)) return;
      tensor.message(2, (dimensions) => {
        for (const length of shape) dimensions.message(1, (dimension) => dimension.int(1, length));
      });
    }),
  );
}
