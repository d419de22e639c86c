/** Matrix products. */

import type { GraphBuilder } from '../builder.ts';
import { NodeList } from '../node-list.ts';
import type { Emitter, OnnxNode, Op, Value } from '../program.ts';
import { broadcastShapes, GraphError, ONNX_TYPES, type Shape, type TensorType } from '../tensor.ts';

/** alpha op(a) op(b): which operands are transposed. */
export type Product = { transA: boolean; transB: boolean; alpha: number };

function productShape(a: TensorType, b: TensorType, { transA, transB }: Product): number[] {
  const [m, k] = transA ? a.shape.slice(-2).reverse() : a.shape.slice(-2);
  const [inner, n] = transB ? b.shape.slice(-2).reverse() : b.shape.slice(-2);
  if (a.shape.length < 2 || b.shape.length < 2 || k !== inner) throw new GraphError('inner lengths differ');
  return [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
}

/** The two gradients of y = alpha op(a) op(b), written with the same product. */
function productGradients(
  product: (a: Value, b: Value, options: Product) => Value,
  a: Value,
  b: Value,
  dy: Value,
  { transA, transB, alpha }: Product,
  needs: readonly boolean[],
): (Value | null)[] {
  // da = alpha dy op(b)^T, or its transpose; db = alpha op(a)^T dy, or its transpose
  const da = () =>
    transA
      ? product(b, dy, { transA: transB, transB: true, alpha })
      : product(dy, b, { transA: false, transB: !transB, alpha });
  const db = () =>
    transB
      ? product(dy, a, { transA: true, transB: transA, alpha })
      : product(a, dy, { transA: !transA, transB: false, alpha });
  return [needs[0] ? da() : null, needs[1] ? db() : null];
}

const ramp = (...shape: number[]) => ({
  shape,
  data: Array.from({ length: shape.reduce((p, n) => p * n, 1) }, (_, i) => Math.sin(1 + 2.3 * i)),
});
const transpositions = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
];

/** The nodes of alpha op(a) op(b) over leading axes; `types` are those of both operands. */
export function productNodes(
  emitter: Emitter,
  [a, b]: readonly [string, string],
  y: string,
  [{ dtype, shape: aShape }, { shape: bShape }]: readonly TensorType[],
  { transA, transB, alpha }: Product,
): OnnxNode[] {
  if (!transA && !transB && alpha === 1) return [{ type: 'MatMul', inputs: [a, b], outputs: [y] }];
  if (emitter.provider !== 'webgpu')
    return [
      {
        type: 'FusedMatMul',
        domain: 'com.microsoft',
        inputs: [a, b],
        outputs: [y],
        attributes: { transA: { int: Number(transA) }, transB: { int: Number(transB) }, alpha: { float: alpha } },
      },
    ];
  // WebGPU has no such kernel: the CPU would compute it, and every operand would be copied.
  const { nodes, put } = new NodeList(emitter);
  const operand = (x: string, { length: rank }: Shape, transposed: boolean) =>
    transposed ? put('Transpose', [x], { perm: { ints: [...Array(rank - 2).keys(), rank - 1, rank - 2] } }) : x;
  const operands = [operand(a, aShape, transA), operand(b, bShape, transB)];
  if (alpha === 1) put('MatMul', operands, {}, y);
  else {
    const factor = emitter.scalar(alpha);
    const own = dtype === 'float32' ? factor : put('Cast', [factor], { to: { int: ONNX_TYPES[dtype] } });
    put('Mul', [put('MatMul', operands), own], {}, y);
  }
  return nodes;
}

/** alpha op(a) op(b) over broadcast leading axes. */
export const MatMul: Op<Product> = {
  name: 'MatMul',
  infer: ([a, b], options) => [{ dtype: a.dtype, shape: productShape(a, b, options) }],
  emit: ({ inputs: [a, b], outputs: [y], attributes, types, emitter }) =>
    productNodes(emitter, [a, b], y, types, attributes),
  vjp: ({ g, inputs: [a, b], grads: [dy], attributes, needs }) =>
    productGradients((x, y, options) => matMul(g, x, y, options), a, b, dy!, attributes, needs),
  samples: [
    ...transpositions.map(([transA, transB]) => ({
      inputs: [ramp(2, ...(transA ? [3, 2] : [2, 3])), ramp(2, ...(transB ? [2, 3] : [3, 2]))],
      attributes: { transA, transB, alpha: 0.5 },
    })),
    { inputs: [ramp(2, 2, 3), ramp(3, 2)], attributes: { transA: false, transB: false, alpha: 1 } },
  ],
};

/** alpha op(a) op(b) + c on matrices; c is optional and may be a row. */
export const Gemm: Op<Product> = {
  name: 'Gemm',
  infer: ([a, b, c], options) => {
    if (a.shape.length !== 2 || b.shape.length !== 2) throw new GraphError('takes matrices');
    const shape = productShape(a, b, options);
    if (c && broadcastShapes(shape, c.shape).some((length, axis) => length !== shape[axis]))
      throw new GraphError('the added term is larger than the product');
    return [{ dtype: a.dtype, shape }];
  },
  emit: ({ inputs, outputs, attributes: { transA, transB, alpha } }) => [
    {
      type: 'Gemm',
      inputs,
      outputs,
      attributes: { transA: { int: Number(transA) }, transB: { int: Number(transB) }, alpha: { float: alpha } },
    },
  ],
  vjp: ({ g, inputs: [a, b, c], grads: [dy], attributes, needs }) => [
    ...productGradients((x, y, options) => gemm(g, x, y, options), a, b, dy!, attributes, needs),
    ...(c ? [dy] : []),
  ],
  samples: [
    ...transpositions.map(([transA, transB]) => ({
      inputs: [ramp(...(transA ? [3, 2] : [2, 3])), ramp(...(transB ? [2, 3] : [3, 2])), ramp(2)],
      attributes: { transA, transB, alpha: 0.5 },
    })),
    { inputs: [ramp(2, 3), ramp(4, 3), ramp(2, 4)], attributes: { transA: false, transB: true, alpha: 1 } },
    { inputs: [ramp(2, 3), ramp(4, 3)], attributes: { transA: false, transB: true, alpha: 1 } },
  ],
};

export function matMul(
  g: GraphBuilder,
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1 }: Partial<Product> = {},
): Value {
  return g.apply(MatMul, [a, b], { transA, transB, alpha })[0];
}

/** `added` costs nothing inside the product: biases, residuals and accumulators. */
export function gemm(
  g: GraphBuilder,
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1, added }: Partial<Product> & { added?: Value } = {},
): Value {
  return g.apply(Gemm, added ? [a, b, added] : [a, b], { transA, transB, alpha })[0];
}
