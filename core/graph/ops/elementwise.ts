/** Element-wise operators. Rules return gradients in the broadcast shape; the walker sums over stretched axes. */

import type { GraphBuilder } from '../builder.ts';
import type { Op, OnnxAttribute, Sample, Value, VjpContext } from '../program.ts';
import { broadcastShapes, FLOATS, GraphError, ONNX_TYPES, type DType, type TensorType } from '../tensor.ts';

type NoAttributes = Record<string, never>;
type Rule = (context: VjpContext<NoAttributes>) => readonly (Value | null)[];

/** Test points: away from kinks and poles, both signs where `signed`. */
const signed = [-1.7, -0.6, 0.4, 1.3, -0.9, 2.1];
const positive = [0.4, 0.9, 1.3, 1.7, 0.6, 2.1];
/** No element within 0.1 of those it meets in `signed`. */
const apart = [0.1, -1.2, 1.9, 0.7, -0.2, 0.8];
const points = (data: number[]): Sample<NoAttributes> => ({ inputs: [{ shape: [2, 3], data }] });
const pairs = (right: number[]): Sample<NoAttributes>[] => [
  {
    inputs: [
      { shape: [2, 3], data: signed },
      { shape: [2, 3], data: right },
    ],
  },
  {
    inputs: [
      { shape: [2, 3], data: signed },
      { shape: [3], data: right.slice(0, 3) },
    ],
  },
  {
    inputs: [
      { shape: [2, 1], data: signed.slice(0, 2) },
      { shape: [1, 3], data: right.slice(1, 4) },
    ],
  },
];

function demand(types: readonly TensorType[], dtypes: readonly DType[], count: number): void {
  if (types.length !== count) throw new GraphError(`takes ${count} inputs, not ${types.length}`);
  for (const { dtype } of types) if (!dtypes.includes(dtype)) throw new GraphError(`does not take ${dtype}`);
  if (types.some(({ dtype }) => dtype !== types[0].dtype)) throw new GraphError('takes inputs of one element type');
}

/** ONNX's name of an operator, where ours differs. */
type Spelling = { type: string; domain?: string; attributes?: Record<string, OnnxAttribute> };

function unary(
  name: string,
  vjp: Rule,
  samples: number[],
  { type, domain, attributes = {} }: Spelling = { type: name },
): Op<NoAttributes> {
  return {
    name,
    infer: (inputs) => {
      demand(inputs, ['float32'], 1);
      return [{ dtype: 'float32', shape: inputs[0].shape }];
    },
    emit: ({ inputs, outputs }) => [{ type, domain, inputs, outputs, attributes }],
    vjp,
    samples: [points(samples)],
  };
}

function binary(
  name: string,
  dtypes: readonly DType[],
  result: DType | null,
  vjp: Rule | 'no gradient',
  samples: Sample<NoAttributes>[],
): Op<NoAttributes> {
  return {
    name,
    infer: (inputs) => {
      demand(inputs, dtypes, 2);
      return [{ dtype: result ?? inputs[0].dtype, shape: broadcastShapes(inputs[0].shape, inputs[1].shape) }];
    },
    emit: ({ inputs, outputs }) => [{ type: name, inputs, outputs }],
    vjp,
    samples,
  };
}

const numbers: DType[] = ['float32', 'int64'];
const halvesToo: DType[] = [...FLOATS, 'int64'];

export const Add = binary('Add', halvesToo, null, ({ grads: [dy] }) => [dy, dy], pairs(positive));
export const Sub = binary(
  'Sub',
  numbers,
  null,
  ({ g, grads: [dy], needs }) => [dy, needs[1] ? neg(g, dy!) : null],
  pairs(positive),
);
// d(ab) = b da + a db
export const Mul = binary(
  'Mul',
  halvesToo,
  null,
  ({ g, inputs: [a, b], grads: [dy], needs }) => [needs[0] ? mul(g, dy!, b) : null, needs[1] ? mul(g, dy!, a) : null],
  pairs(positive),
);
// d(a/b) = da/b - (a/b) db/b
export const Div = binary(
  'Div',
  ['float32'],
  null,
  ({ g, inputs: [, b], outputs: [y], grads: [dy], needs }) => {
    const da = div(g, dy!, b);
    return [da, needs[1] ? neg(g, mul(g, da, y)) : null];
  },
  pairs(positive),
);
// Where both are equal the whole gradient goes to the first.
export const Max = binary(
  'Max',
  ['float32'],
  null,
  ({ g, inputs: [a, b], grads: [dy] }) => choose(g, greaterOrEqual(g, a, b), dy!),
  pairs(apart),
);
export const Min = binary(
  'Min',
  ['float32'],
  null,
  ({ g, inputs: [a, b], grads: [dy] }) => choose(g, lessOrEqual(g, a, b), dy!),
  pairs(apart),
);

export const Less = binary('Less', numbers, 'bool', 'no gradient', []);
export const LessOrEqual = binary('LessOrEqual', numbers, 'bool', 'no gradient', []);
export const Greater = binary('Greater', numbers, 'bool', 'no gradient', []);
export const GreaterOrEqual = binary('GreaterOrEqual', numbers, 'bool', 'no gradient', []);
export const Equal = binary('Equal', numbers, 'bool', 'no gradient', []);
export const And = binary('And', ['bool'], 'bool', 'no gradient', []);
export const Or = binary('Or', ['bool'], 'bool', 'no gradient', []);

export const Neg = unary('Neg', ({ g, grads: [dy] }) => [neg(g, dy!)], signed);
export const Exp = unary('Exp', ({ g, outputs: [y], grads: [dy] }) => [mul(g, dy!, y)], signed);
export const Log = unary('Log', ({ g, inputs: [x], grads: [dy] }) => [div(g, dy!, x)], positive);
// d sqrt(x) = dx / (2 sqrt(x))
export const Sqrt = unary(
  'Sqrt',
  ({ g, outputs: [y], grads: [dy] }) => [div(g, mul(g, dy!, g.scalar(0.5)), y)],
  positive,
);
export const Relu = unary(
  'Relu',
  ({ g, inputs: [x], grads: [dy] }) => [where(g, greater(g, x, g.scalar(0)), dy!, g.scalar(0))],
  signed,
);
// s' = s (1 - s)
export const Sigmoid = unary(
  'Sigmoid',
  ({ g, outputs: [s], grads: [dy] }) => [mul(g, dy!, sub(g, s, mul(g, s, s)))],
  signed,
);
// tanh' = 1 - tanh^2
export const Tanh = unary(
  'Tanh',
  ({ g, outputs: [t], grads: [dy] }) => [mul(g, dy!, sub(g, g.scalar(1), mul(g, t, t)))],
  signed,
);
// erf' = 2 / sqrt(pi) exp(-x^2)
export const Erf = unary(
  'Erf',
  ({ g, inputs: [x], grads: [dy] }) => [
    mul(g, dy!, mul(g, g.scalar(2 / Math.sqrt(Math.PI)), exp(g, neg(g, mul(g, x, x))))),
  ],
  signed,
);

// x s(a x), a = 1.702: y' = s + a (y - y s)
export const QuickGelu = unary(
  'QuickGelu',
  ({ g, inputs: [x], outputs: [y], grads: [dy] }) => {
    const a = g.scalar(1.702);
    const s = sigmoid(g, mul(g, x, a));
    return [mul(g, dy!, add(g, s, mul(g, a, sub(g, y, mul(g, y, s)))))];
  },
  signed,
  { type: 'QuickGelu', domain: 'com.microsoft', attributes: { alpha: { float: 1.702 } } },
);
// x P(x) with P the normal distribution function: y' = P(x) + x exp(-x^2/2) / sqrt(2 pi)
export const Gelu = unary(
  'Gelu',
  ({ g, inputs: [x], grads: [dy] }) => {
    const distribution = mul(g, g.scalar(0.5), add(g, g.scalar(1), erf(g, mul(g, x, g.scalar(Math.SQRT1_2)))));
    const density = mul(g, g.scalar(1 / Math.sqrt(2 * Math.PI)), exp(g, mul(g, g.scalar(-0.5), mul(g, x, x))));
    return [mul(g, dy!, add(g, distribution, mul(g, x, density)))];
  },
  signed,
  { type: 'Gelu', domain: 'com.microsoft' },
);
// x (1 + t) / 2, t = tanh(c (x + 0.044715 x^3)), c = sqrt(2/pi): y' = (1 + t) / 2 + x (1 - t^2) c (1 + 0.134145 x^2) /
// 2
export const GeluTanh = unary(
  'GeluTanh',
  ({ g, inputs: [x], grads: [dy] }) => {
    const c = Math.sqrt(2 / Math.PI);
    const square = mul(g, x, x);
    const t = tanh(g, mul(g, x, add(g, g.scalar(c), mul(g, g.scalar(0.044715 * c), square))));
    const inner = mul(g, x, add(g, g.scalar(c / 2), mul(g, g.scalar((0.134145 * c) / 2), square)));
    const slope = add(
      g,
      mul(g, g.scalar(0.5), add(g, g.scalar(1), t)),
      mul(g, sub(g, g.scalar(1), mul(g, t, t)), inner),
    );
    return [mul(g, dy!, slope)];
  },
  signed,
  { type: 'FastGelu', domain: 'com.microsoft' },
);

/** `condition ? a : b`, all three broadcast. */
export const Where: Op<NoAttributes> = {
  name: 'Where',
  infer: ([condition, a, b]) => {
    if (condition.dtype !== 'bool' || a.dtype !== b.dtype)
      throw new GraphError('takes a bool and two tensors of one element type');
    return [{ dtype: a.dtype, shape: broadcastShapes(condition.shape, a.shape, b.shape) }];
  },
  emit: ({ inputs, outputs }) => [{ type: 'Where', inputs, outputs }],
  vjp: ({ g, inputs: [condition], grads: [dy], needs }) => {
    const zero = cast(g, g.scalar(0), dy!.dtype);
    return [null, needs[1] ? where(g, condition, dy!, zero) : null, needs[2] ? where(g, condition, zero, dy!) : null];
  },
  samples: [
    {
      inputs: [
        { shape: [3], data: [true, false, true] },
        { shape: [2, 3], data: signed },
        { shape: [2, 1], data: [0.3, 0.7] },
      ],
      attributes: {},
    },
  ],
};

/** Conversion to another element type. Gradients pass between float types only. */
export const Cast: Op<{ to: DType }> = {
  name: 'Cast',
  infer: ([x], { to }) => [{ dtype: to, shape: x.shape }],
  emit: ({ inputs, outputs, attributes: { to } }) => [
    { type: 'Cast', inputs, outputs, attributes: { to: { int: ONNX_TYPES[to] } } },
  ],
  vjp: ({ g, inputs: [x], grads: [dy] }) => [x.dtype === 'int64' || x.dtype === 'bool' ? null : cast(g, dy!, x.dtype)],
  samples: [{ inputs: [{ shape: [3], data: [0.5, -1, 2] }], attributes: { to: 'float32' } }],
};

function choose(g: GraphBuilder, first: Value, dy: Value): Value[] {
  return [where(g, first, dy, g.scalar(0)), where(g, first, g.scalar(0), dy)];
}

type Unary = (g: GraphBuilder, x: Value) => Value;
type Binary = (g: GraphBuilder, a: Value, b: Value) => Value;
const applyUnary =
  (op: Op<NoAttributes>): Unary =>
  (g, x) =>
    g.apply(op, [x], {})[0];
const applyBinary =
  (op: Op<NoAttributes>): Binary =>
  (g, a, b) =>
    g.apply(op, [a, b], {})[0];

export const add = applyBinary(Add);
export const sub = applyBinary(Sub);
export const mul = applyBinary(Mul);
export const div = applyBinary(Div);
export const max = applyBinary(Max);
export const min = applyBinary(Min);
export const less = applyBinary(Less);
export const lessOrEqual = applyBinary(LessOrEqual);
export const greater = applyBinary(Greater);
export const greaterOrEqual = applyBinary(GreaterOrEqual);
export const equal = applyBinary(Equal);
export const and = applyBinary(And);
export const or = applyBinary(Or);
export const neg = applyUnary(Neg);
export const exp = applyUnary(Exp);
export const log = applyUnary(Log);
export const sqrt = applyUnary(Sqrt);
export const relu = applyUnary(Relu);
export const sigmoid = applyUnary(Sigmoid);
export const tanh = applyUnary(Tanh);
export const erf = applyUnary(Erf);
export const quickGelu = applyUnary(QuickGelu);
export const gelu = applyUnary(Gelu);
export const geluTanh = applyUnary(GeluTanh);

export function where(g: GraphBuilder, condition: Value, a: Value, b: Value): Value {
  return g.apply(Where, [condition, a, b], {})[0];
}

/** `x` itself where it already has the type. */
export function cast(g: GraphBuilder, x: Value, to: DType): Value {
  return x.dtype === to ? x : g.apply(Cast, [x], { to })[0];
}
