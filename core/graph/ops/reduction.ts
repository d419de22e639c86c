/** Reductions over axes, and the two row scans that sampling needs. */

import type { GraphBuilder } from '../builder.ts';
import type { Op, Value, VjpContext } from '../program.ts';
import { elements, normalAxis, type Shape, type TensorType } from '../tensor.ts';
import { mul } from './elementwise.ts';
import { expand, reshape } from './movement.ts';

/** Axes may count from the end; `keep` leaves them with length 1. */
type Reduction = { axes: readonly number[]; keep: boolean };

function reducedShape(x: TensorType, { axes, keep }: Reduction): Shape {
  const gone = new Set(axes.map((axis) => normalAxis(axis, x.shape.length)));
  return keep
    ? x.shape.map((length, axis) => (gone.has(axis) ? 1 : length))
    : x.shape.filter((_, axis) => !gone.has(axis));
}

/** The gradient of a reduction's output stretched back over the reduced axes. */
function stretched({ g, inputs: [x], grads: [dy], attributes }: VjpContext<Reduction>): Value {
  return expand(g, reshape(g, dy!, reducedShape(x, { ...attributes, keep: true })), x.shape);
}

const reduction = (name: string, vjp: (context: VjpContext<Reduction>) => Value): Op<Reduction> => ({
  name,
  infer: ([x], attributes) => [{ dtype: x.dtype, shape: reducedShape(x, attributes) }],
  emit: ({ inputs, outputs, attributes: { axes, keep }, emitter }) => [
    { type: name, inputs: [...inputs, emitter.ints(axes)], outputs, attributes: { keepdims: { int: keep ? 1 : 0 } } },
  ],
  vjp: (context) => [vjp(context)],
  samples: [
    { inputs: [{ shape: [2, 3], data: [0.1, -0.7, 0.5, 1.1, 0.2, -0.4] }], attributes: { axes: [1], keep: true } },
    {
      inputs: [{ shape: [2, 2, 2], data: [0.1, -0.7, 0.5, 1.1, 0.2, -0.4, 0.9, -1.2] }],
      attributes: { axes: [0, -1], keep: false },
    },
  ],
});

export const ReduceSum = reduction('ReduceSum', stretched);
export const ReduceMean = reduction('ReduceMean', (context) => {
  const [x] = context.inputs;
  const [y] = context.outputs;
  return mul(context.g, stretched(context), context.g.scalar(elements(y.shape) / elements(x.shape)));
});

/** Index of the largest element of the last axis, the first one among equals: [..., n] -> int64 [...]. */
export const ArgMax: Op<Record<string, never>> = {
  name: 'ArgMax',
  infer: ([x]) => [{ dtype: 'int64', shape: x.shape.slice(0, -1) }],
  emit: ({ inputs, outputs }) => [
    { type: 'ArgMax', inputs, outputs, attributes: { axis: { int: -1 }, keepdims: { int: 0 } } },
  ],
  vjp: 'no gradient',
  samples: [],
};

/** Running sums along the last axis. */
export const CumulativeSum: Op<Record<string, never>> = {
  name: 'CumulativeSum',
  infer: ([x]) => [{ dtype: x.dtype, shape: x.shape }],
  emit: ({ inputs, outputs, types: [{ shape }], emitter }) => [
    { type: 'CumSum', inputs: [...inputs, emitter.ints([shape.length - 1])], outputs },
  ],
  vjp: 'forbidden',
  samples: [],
};

export function reduceSum(g: GraphBuilder, x: Value, axes: readonly number[], keep = false): Value {
  return axes.length === 0 ? x : g.apply(ReduceSum, [x], { axes, keep })[0];
}

export function reduceMean(g: GraphBuilder, x: Value, axes: readonly number[], keep = false): Value {
  return g.apply(ReduceMean, [x], { axes, keep })[0];
}

export function argMax(g: GraphBuilder, x: Value): Value {
  return g.apply(ArgMax, [x], {})[0];
}

export function cumulativeSum(g: GraphBuilder, x: Value): Value {
  return g.apply(CumulativeSum, [x], {})[0];
}
