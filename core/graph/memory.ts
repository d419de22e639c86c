/**
 * The memory that running a program takes, from onnxruntime's order of execution and the lifetime of every tensor,
 * without running anything.
 */

import type { InitializerValue, Node, Program, Value } from './program.ts';
import { operands } from './schedule.ts';
import { type DType, elementBytes, type Shape, UNKNOWN } from './tensor.ts';

/** Bytes of one run. */
export type RunMemory = {
  /** Tensors in files, as they are stored. */
  stored: number;
  /** Inputs and outputs. */
  inputs: number;
  outputs: number;
  /** The peak of intermediate tensors. */
  activations: number;
};

/** Operators that onnxruntime computes as a view of their input. */
const VIEWS = new Set(['Reshape']);
/** Operators that write into an input of the output's size if nothing reads it afterwards. */
const IN_PLACE = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'Exp',
  'Log',
  'Sqrt',
  'Sigmoid',
  'Tanh',
  'Relu',
  'Softmax',
  'ScatterAddRows',
  'ReplaceRows',
  'AddAt',
]);

/**
 * `growth` is the length of a loop's tail at its end; the tails of an inner loop are as long as its number of trips.
 */
export function runMemory(program: Program, growth = 0): RunMemory {
  const sum = (values: readonly Value[]) => values.reduce((total, value) => total + bytesOf(value, growth), 0);
  const outputs = new Set(program.outputs.map(({ value }) => value));
  return {
    stored: sum(program.initializers.filter(({ data }) => !ArrayBuffer.isView(data))),
    inputs: sum(program.inputs),
    outputs: sum([...outputs]),
    activations: peakOf(program, outputs, growth),
  };
}

/**
 * The order in which onnxruntime runs the nodes: depth-first from the last node that nobody reads; among inputs, the
 * one written last comes first (ReverseDFSFrom in its graph.cc).
 */
export function executionOrder(program: Program): Node[] {
  const indices = new Map(program.nodes.map((node, index) => [node, index]));
  const sources = (node: Node) =>
    [...new Set(operands(node).flatMap((value) => (value.node && indices.has(value.node) ? [value.node] : [])))].sort(
      (a, b) => indices.get(a)! - indices.get(b)!,
    );
  const read = new Set(program.nodes.flatMap(sources));
  const order: Node[] = [];
  const visited = new Set<Node>();
  const stack: { node: Node; leaving: boolean }[] = program.nodes
    .filter((node) => !read.has(node))
    .map((node) => ({ node, leaving: false }));
  while (stack.length > 0) {
    const { node, leaving } = stack.pop()!;
    if (leaving) order.push(node);
    if (leaving || visited.has(node)) continue;
    visited.add(node);
    stack.push({ node, leaving: true });
    for (const source of sources(node)) if (!visited.has(source)) stack.push({ node: source, leaving: false });
  }
  return order;
}

function peakOf(program: Program, outputs: ReadonlySet<Value>, growth: number, inLoop = false): number {
  const order = executionOrder(program);
  const lastRead = new Map<Value, number>();
  for (const [index, node] of order.entries()) for (const value of operands(node)) lastRead.set(value, index);
  for (const { value } of program.outputs) lastRead.set(value, Infinity);
  // Buffers, each with the values in it; inputs, stored tensors and outputs are not counted here.
  const buffers = new Map<Value, { bytes: number; values: Set<Value> }>();
  let [now, peak] = [0, 0];
  for (const [index, node] of order.entries()) {
    const endsHere = (value: Value) =>
      buffers.has(value) && [...buffers.get(value)!.values].every((other) => (lastRead.get(other) ?? -1) <= index);
    // A trip's states stay while the next ones are made; the last ones are the loop's results.
    if (node.body) {
      const length = inLoop ? Math.min(growth, loopTrips(node)) : growth;
      peak = Math.max(
        peak,
        now +
          peakOf(node.body, new Set(), length, true) +
          node.body.inputs.reduce((sum, state) => sum + bytesOf(state, length), 0),
      );
    }
    for (const output of node.outputs) {
      const bytes = bytesOf(output, growth);
      const [first] = node.inputs;
      const shared =
        VIEWS.has(node.op.name) && first !== undefined
          ? first
          : IN_PLACE.has(node.op.name)
            ? node.inputs.find((input) => endsHere(input) && bytesOf(input, growth) === bytes)
            : undefined;
      const buffer = shared === undefined ? undefined : buffers.get(shared);
      if (buffer !== undefined) {
        buffer.values.add(output);
        buffers.set(output, buffer);
      } else if (shared === undefined && !outputs.has(output)) {
        buffers.set(output, { bytes, values: new Set([output]) });
        now += bytes;
      }
    }
    peak = Math.max(peak, now + (node.op.scratch?.(node.inputs, node.attributes) ?? 0));
    for (const value of new Set([...operands(node), ...node.outputs])) {
      const buffer = buffers.get(value);
      if (buffer === undefined || ![...buffer.values].every((other) => (lastRead.get(other) ?? -1) <= index)) continue;
      now -= buffer.bytes;
      for (const other of buffer.values) buffers.delete(other);
    }
  }
  return peak;
}

function loopTrips({ inputs: [trips] }: Node): number {
  return Number(
    (trips as InitializerValue).data instanceof BigInt64Array
      ? (trips as InitializerValue & { data: BigInt64Array }).data[0]
      : Infinity,
  );
}

function bytesOf({ dtype, shape }: Value, growth: number): number {
  return shape.reduce((product, length) => product * (length === UNKNOWN ? growth : length), elementBytes[dtype]);
}

/** A value of a program, and its size. */
export type LargestTensor = { bytes: number; dtype: DType; shape: Shape };

/** The largest tensor that a program holds, loops included; `growth` as for `runMemory`. */
export function largestTensor(program: Program, growth = 0): LargestTensor {
  const values = [...program.inputs, ...program.initializers, ...program.nodes.flatMap(({ outputs }) => outputs)];
  const inside = program.nodes.flatMap(({ body }) => (body === undefined ? [] : [largestTensor(body, growth)]));
  return values
    .map((value) => ({ bytes: bytesOf(value, growth), dtype: value.dtype, shape: value.shape }))
    .concat(inside)
    .reduce((one, other) => (other.bytes > one.bytes ? other : one));
}
