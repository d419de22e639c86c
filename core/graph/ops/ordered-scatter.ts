/** Adds rows to a table in a fixed order, with nodes that WebGPU has kernels for. */
import { NodeList } from '../node-list.ts';
import type { Emitter, OnnxNode } from '../program.ts';
import { type DType, elements, ONNX_TYPES, type Shape, type TensorType } from '../tensor.ts';

/**
 * The nodes of `y` = `table` [n, ...row] + `rows` [count, ...row] at the indices `at` [count], which may repeat.
 *
 * WebGPU's own ScatterND adds the rows of one index in arrival order, so bytes differ from run to run. Here a matrix
 * product adds them: S times the rows, with S[i, j] = 1 where the indices i and j are equal. Then the first row of each
 * index holds the sum, and the others hold zero.
 */
export function addInOrderNodes(
  emitter: Emitter,
  [table, at, rows]: readonly [string, string, string],
  y: string,
  { dtype, shape: [, ...row] }: TensorType,
  count: number,
): OnnxNode[] {
  const { nodes, put } = new NodeList(emitter);
  const reshaped = (x: string, shape: Shape) => put('Reshape', [x, emitter.ints(shape)]);
  const to = (type: DType, x: string, output?: string) => put('Cast', [x], { to: { int: ONNX_TYPES[type] } }, output);
  // WebGPU's kernels cannot compare int64; float32 holds every index of a table below 2^24 rows.
  const ids = to('float32', at);
  const one = to('float32', put('Equal', [reshaped(ids, [count, 1]), reshaped(ids, [1, count])]));
  const width = elements(row);
  const [wideTable, wideRows] = dtype === 'float32' ? [table, rows] : [to('float32', table), to('float32', rows)];
  const sums = put('MatMul', [one, reshaped(wideRows, [count, width])]);
  // Whether an earlier row has the same index.
  const places = to('float32', emitter.ints(Array.from({ length: count }, (_, i) => i)));
  const before = to('float32', put('Greater', [reshaped(places, [count, 1]), reshaped(places, [1, count])]));
  const again = put('ReduceMax', [put('Mul', [one, before]), emitter.ints([-1])], { keepdims: { int: 1 } });
  const placed = put('Mul', [sums, put('Sub', [emitter.scalar(1), again])]);
  const scatter = [wideTable, reshaped(at, [count, 1]), reshaped(placed, [count, ...row])];
  const reduction = { reduction: { text: 'add' } };
  if (dtype === 'float32') put('ScatterND', scatter, reduction, y);
  else to(dtype, put('ScatterND', scatter, reduction), y);
  return nodes;
}
