/** Normalisations, attention, rotary positions and log-probabilities, each with a gradient written by hand. */

import type { GraphBuilder } from '../builder.ts';
import { NodeList } from '../node-list.ts';
import type { Emitter, Op, OnnxNode, Value } from '../program.ts';
import { broadcastShapes, elements, GraphError, ONNX_TYPES, sameShape, type DType, type Shape } from '../tensor.ts';
import { add, cast, exp, mul, neg, sigmoid, sub } from './elementwise.ts';
import { gemm, matMul, productNodes } from './linear-algebra.ts';
import { addAt, reshape } from './movement.ts';
import { reduceMean, reduceSum } from './reduction.ts';

const sines = (...shape: number[]) => ({
  shape,
  data: Array.from({ length: elements(shape) }, (_, i) => Math.sin(0.7 + 1.9 * i)),
});
const whole = (shape: Shape, ...data: number[]) => ({ shape, data: data.map(BigInt) });

/** Softmax over the last axis. */
export const Softmax: Op<Record<string, never>> = {
  name: 'Softmax',
  infer: ([x]) => [{ dtype: x.dtype, shape: x.shape }],
  emit: ({ inputs, outputs }) => [{ type: 'Softmax', inputs, outputs, attributes: { axis: { int: -1 } } }],
  // dx = p (dp - sum(p dp))
  vjp: ({ g, outputs: [p], grads: [dp] }) => [mul(g, p, sub(g, dp!, reduceSum(g, mul(g, p, dp!), [-1], true)))],
  samples: [{ inputs: [sines(2, 4)] }],
};

/**
 * Layer normalisation over the last axis with scale and shift; also gives the mean and the inverse deviation, [..., 1]
 * each.
 */
export const LayerNorm: Op<{ epsilon: number }> = {
  name: 'LayerNorm',
  infer: ([x, scale, shift]) => {
    const width = x.shape.slice(-1);
    if (!sameShape(scale.shape, width) || !sameShape(shift.shape, width))
      throw new GraphError('takes a scale and a shift as long as the last axis');
    const row = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
    return [{ dtype: x.dtype, shape: x.shape }, row, row];
  },
  emit: ({ inputs, outputs, attributes: { epsilon } }) => [
    { type: 'LayerNormalization', inputs, outputs, attributes: { axis: { int: -1 }, epsilon: { float: epsilon } } },
  ],
  // n = (x - mean) / deviation, dn = dy scale: dx = (dn - mean(dn) - n mean(n dn)) / deviation
  vjp: ({ g, inputs: [x, scale], outputs: [, average, inverse], grads: [dy, ...others], needs }) => {
    onlyFirst('LayerNorm', others);
    const n = mul(g, sub(g, x, average), inverse);
    const dn = mul(g, dy!, scale);
    const dx = () =>
      mul(
        g,
        inverse,
        sub(g, sub(g, dn, reduceMean(g, dn, [-1], true)), mul(g, n, reduceMean(g, mul(g, n, dn), [-1], true))),
      );
    return [needs[0] ? dx() : null, needs[1] ? mul(g, dy!, n) : null, dy];
  },
  samples: [{ inputs: [sines(3, 4), sines(4), sines(4)], attributes: { epsilon: 1e-5 } }],
};

/** x / sqrt(mean(x^2) + epsilon) * scale over the last axis; also gives the inverse root, [..., 1]. */
export const RmsNorm: Op<{ epsilon: number }> = {
  name: 'RmsNorm',
  infer: ([x, scale]) => {
    if (!sameShape(scale.shape, x.shape.slice(-1))) throw new GraphError('takes a scale as long as the last axis');
    return [
      { dtype: x.dtype, shape: x.shape },
      { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] },
    ];
  },
  emit: ({ inputs: [x, scale], outputs: [y, r], attributes: { epsilon }, emitter }) => {
    // The kernel of WebGPU leaves the second output unwritten.
    if (emitter.provider === 'webgpu') {
      const [square, mean, shifted, root, normed] = Array.from({ length: 5 }, () => emitter.temporary());
      return [
        { type: 'Mul', inputs: [x, x], outputs: [square] },
        {
          type: 'ReduceMean',
          inputs: [square, emitter.ints([-1])],
          outputs: [mean],
          attributes: { keepdims: { int: 1 } },
        },
        { type: 'Add', inputs: [mean, emitter.scalar(epsilon)], outputs: [shifted] },
        { type: 'Sqrt', inputs: [shifted], outputs: [root] },
        { type: 'Div', inputs: [emitter.scalar(1), root], outputs: [r] },
        { type: 'Mul', inputs: [x, r], outputs: [normed] },
        { type: 'Mul', inputs: [normed, scale], outputs: [y] },
      ];
    }
    return [
      {
        type: 'SimplifiedLayerNormalization',
        inputs: [x, scale],
        outputs: [y, r],
        attributes: { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } },
      },
    ];
  },
  // u = dy x: dscale = r^T u over all rows, mean(n dn) = r (u scale) / width with n = x r and dn = dy scale: dx = r dn
  // - x r^3 (u scale) / width. Both sums are matrix products, which leaves few passes over whole matrices.
  vjp: ({ g, inputs: [x, scale], outputs: [, r], grads: [dy, ...others], needs }) => {
    onlyFirst('RmsNorm', others);
    const width = scale.shape[0];
    const rows = elements(r.shape);
    const u = reshape(g, mul(g, dy!, x), [rows, width]);
    const dx = () => {
      const share = reshape(g, gemm(g, u, reshape(g, scale, [width, 1])), r.shape);
      return sub(
        g,
        mul(g, mul(g, dy!, scale), r),
        mul(g, x, mul(g, mul(g, mul(g, r, r), mul(g, r, share)), g.scalar(1 / width))),
      );
    };
    return [needs[0] ? dx() : null, needs[1] ? reshape(g, gemm(g, reshape(g, r, [1, rows]), u), [width]) : null];
  },
  samples: [{ inputs: [sines(3, 4), sines(4)], attributes: { epsilon: 1e-5 } }],
};

/**
 * silu(gate) * up, the inner values of a gated MLP; also gives silu(gate). The sigmoid and its gradient are float32 for
 * half-width inputs too.
 */
export const GatedSilu: Op<Record<string, never>> = {
  name: 'GatedSilu',
  infer: ([gate, up]) => {
    if (gate.dtype !== up.dtype || !sameShape(gate.shape, up.shape))
      throw new GraphError('takes two tensors of one type');
    const type = { dtype: gate.dtype, shape: gate.shape };
    return [type, type];
  },
  emit: ({ inputs: [gate, up], outputs: [gated, opened], types: [{ dtype }], emitter }) => {
    const activation = (input: string, output: string): OnnxNode => ({
      type: 'QuickGelu',
      domain: 'com.microsoft',
      inputs: [input],
      outputs: [output],
      attributes: { alpha: { float: 1 } },
    });
    const product: OnnxNode = { type: 'Mul', inputs: [opened, up], outputs: [gated] };
    if (dtype === 'float32') return [activation(gate, opened), product];
    const [wide, wideOpened] = [emitter.temporary(), emitter.temporary()];
    const castTo = (to: DType, input: string, output: string): OnnxNode => ({
      type: 'Cast',
      inputs: [input],
      outputs: [output],
      attributes: { to: { int: ONNX_TYPES[to] } },
    });
    return [castTo('float32', gate, wide), activation(wide, wideOpened), castTo(dtype, wideOpened, opened), product];
  },
  scratch: ([gate]) => (gate.dtype === 'float32' ? 0 : 8 * elements(gate.shape)),
  // y = x s, h = y u with s = sigmoid(x): du = dh y; dx = dh u (s + y - y s) = dh (h + s (u - h)), one product less
  vjp: ({ g, inputs: [gate, up], outputs: [gated, opened], grads: [dh, ...others], needs }) => {
    onlyFirst('GatedSilu', others);
    const dGate = () => {
      const [x, u, h, d] = [gate, up, gated, dh!].map((value) => cast(g, value, 'float32'));
      return cast(g, mul(g, d, add(g, h, mul(g, sigmoid(g, x), sub(g, u, h)))), gate.dtype);
    };
    return [needs[0] ? dGate() : null, needs[1] ? mul(g, dh!, opened) : null];
  },
  samples: [
    {
      inputs: [sines(2, 3), sines(3, 2)].map(({ data }) => ({ shape: [2, 3], data: data.map((x, i) => x + 0.1 * i) })),
    },
  ],
};

/**
 * Rotary positions, halves rotated (not neighbours): x [rows, heads, tokens, width], positions int64 [rows, tokens],
 * cosine and sine tables [positions, width / 2].
 */
export const Rotary: Op<Record<string, never>> = {
  name: 'Rotary',
  infer: ([x, positions, cosine, sine]) => {
    const [rows, , tokens, width] = x.shape;
    if (
      x.shape.length !== 4 ||
      !sameShape(positions.shape, [rows, tokens]) ||
      cosine.shape[1] * 2 !== width ||
      !sameShape(cosine.shape, sine.shape)
    ) {
      throw new GraphError('takes [rows, heads, tokens, width], [rows, tokens] and two tables of width / 2 columns');
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  emit: ({ inputs: [x, positions, cosine, sine], outputs }) => [
    {
      type: 'RotaryEmbedding',
      domain: 'com.microsoft',
      inputs: [x, positions, cosine, sine],
      outputs,
      attributes: { interleaved: { int: 0 } },
    },
  ],
  // A rotation's transpose is the rotation back.
  vjp: ({ g, inputs: [, positions, cosine, sine], grads: [dy] }) => [
    rotary(g, dy!, positions, cosine, neg(g, sine)),
    null,
    null,
    null,
  ],
  samples: [{ inputs: [sines(1, 2, 3, 4), whole([1, 3], 0, 2, 1), sines(3, 2), sines(3, 2)] }],
};

/** Scores this far below a row's largest do not count: e^-30 added to 1 is 1 in float32. */
const LEAST_SCORE = 30;

/**
 * Scaled dot-product attention with grouped heads: queries [rows, kv, group * n, width], keys and values [rows, kv, m,
 * width], and an optional float32 bias that broadcasts to [rows, kv * group, n, m]. Gives the mixed values and the
 * probabilities [rows, kv, group * n, m]. The softmax and its gradient are float32 for half-width inputs too.
 *
 * A bias comes with `visible`, 1 where a key may be attended to and 0 elsewhere, in the bias's shape. A softmax leaves
 * denormal numbers where a score is far below the others, and processors take ten times as long for those: so in
 * float32 no score stays further below than `LEAST_SCORE`, and hidden keys get probability zero.
 */
export const Attention: Op<{ scale: number; group: number }> = {
  name: 'Attention',
  infer: ([q, k, v, bias, visible], { group }) => {
    const [rows, heads, n, width] = q.shape;
    const m = k.shape[2];
    if (
      q.shape.length !== 4 ||
      !sameShape(k.shape, [rows, heads, m, width]) ||
      !sameShape(v.shape, k.shape) ||
      n % group !== 0
    )
      throw new GraphError('takes queries, keys and values of equal heads');
    const full = [rows, heads * group, n / group, m];
    if (bias && !sameShape(broadcastShapes(bias.shape, full), full))
      throw new GraphError('the bias is larger than the scores');
    if (bias && (visible === undefined || !sameShape(bias.shape, visible.shape)))
      throw new GraphError('takes a bias and what is visible in one shape');
    return [
      { dtype: q.dtype, shape: q.shape },
      { dtype: q.dtype, shape: [rows, heads, n, m] },
    ];
  },
  emit: ({
    inputs: [q, k, v, bias, visible],
    outputs: [mixed, probabilities],
    attributes: { scale, group },
    types: [qType, kType],
    emitter,
  }) => {
    const [rows, heads, n] = qType.shape;
    const m = kType.shape[2];
    const { nodes, put } = new NodeList(emitter);
    const to = (dtype: DType): OnnxNode['attributes'] => ({ to: { int: ONNX_TYPES[dtype] } });
    const softmax = (scores: string, output?: string) => put('Softmax', [scores], { axis: { int: -1 } }, output);
    const product = emitter.temporary();
    nodes.push(
      ...productNodes(emitter, [q, k], product, [qType, kType], { transA: false, transB: true, alpha: scale }),
    );
    const float32 = qType.dtype === 'float32';
    const scores = float32 ? product : put('Cast', [product], to('float32'));
    if (bias === undefined) {
      if (float32) softmax(scores, probabilities);
      else put('Cast', [softmax(scores)], to(qType.dtype), probabilities);
    } else {
      const byHead = group === 1 ? scores : put('Reshape', [scores, emitter.ints([rows, heads * group, n / group, m])]);
      const biased = put('Add', [byHead, bias]);
      const least = () =>
        put('Sub', [
          put('ReduceMax', [biased, emitter.ints([-1])], { keepdims: { int: 1 } }),
          emitter.scalar(LEAST_SCORE),
        ]);
      const last = group === 1 ? probabilities : emitter.temporary();
      if (float32) put('Mul', [softmax(put('Max', [biased, least()])), visible], {}, last);
      else put('Cast', [softmax(biased)], to(qType.dtype), last);
      if (group > 1) put('Reshape', [last, emitter.ints([rows, heads, n, m])], {}, probabilities);
    }
    put('MatMul', [probabilities, v], {}, mixed);
    return nodes;
  },
  // The scores in float32; for half-width inputs also in the product's type, before and after the softmax; with a bias
  // also the mask of scores that are not too low.
  scratch: ([q, k, , bias]) =>
    (q.dtype !== 'float32' ? 6 : bias ? 8 : 4) * q.shape[0] * q.shape[1] * q.shape[2] * k.shape[2],
  // dv = p^T do; dp = do v^T; ds = p (dp - sum(p dp)), and sum(p dp) over keys is sum(o do) over the width, which is
  // shorter
  vjp: ({ g, inputs: [q, k, v, bias], outputs: [o, p], grads: [dO, ...others], attributes: { scale }, needs }) => {
    onlyFirst('Attention', others);
    if (bias && needs[3]) throw new GraphError('Attention has no gradient for its bias');
    const dv = matMul(g, p, dO!, { transA: true });
    const dp = matMul(g, dO!, v, { transB: true });
    const [P, dP, dOutput, output] = [p, dp, dO!, o].map((value) => cast(g, value, 'float32'));
    const ds = cast(g, mul(g, P, sub(g, dP, reduceSum(g, mul(g, dOutput, output), [-1], true))), q.dtype);
    return [
      matMul(g, ds, k, { alpha: scale }),
      matMul(g, ds, q, { transA: true, alpha: scale }),
      dv,
      ...(bias ? [null, null] : []),
    ];
  },
  samples: [
    { inputs: [sines(2, 1, 3, 2), sines(2, 1, 4, 2), sines(2, 1, 4, 2)], attributes: { scale: 0.7, group: 1 } },
  ],
};

/** log_softmax over the last axis, in kernels that the provider has. */
function logSoftmaxNodes(emitter: Emitter, x: string, y: string): OnnxNode[] {
  if (emitter.provider !== 'webgpu')
    return [{ type: 'LogSoftmax', inputs: [x], outputs: [y], attributes: { axis: { int: -1 } } }];
  const [largest, shifted, powers, sum, log] = Array.from({ length: 5 }, () => emitter.temporary());
  const attributes = { keepdims: { int: 1 } };
  return [
    { type: 'ReduceMax', inputs: [x, emitter.ints([-1])], outputs: [largest], attributes },
    { type: 'Sub', inputs: [x, largest], outputs: [shifted] },
    { type: 'Exp', inputs: [shifted], outputs: [powers] },
    { type: 'ReduceSum', inputs: [powers, emitter.ints([-1])], outputs: [sum], attributes },
    { type: 'Log', inputs: [sum], outputs: [log] },
    { type: 'Sub', inputs: [shifted, log], outputs: [y] },
  ];
}

/**
 * log_softmax of each row at one index: logits [n, vocabulary], ids int64 [n] -> [n]; also gives all log-probs [n,
 * vocabulary].
 */
export const TokenLogprob: Op<Record<string, never>> = {
  name: 'TokenLogprob',
  infer: ([logits, ids]) => {
    if (logits.shape.length !== 2 || ids.dtype !== 'int64' || !sameShape(ids.shape, [logits.shape[0]]))
      throw new GraphError('takes [n, vocabulary] and int64 [n]');
    return [
      { dtype: logits.dtype, shape: ids.shape },
      { dtype: logits.dtype, shape: logits.shape },
    ];
  },
  emit: ({ inputs: [logits, ids], outputs: [picked, all], types: [{ shape }], emitter }) => {
    const [column, pickedColumn] = [emitter.temporary(), emitter.temporary()];
    return [
      ...logSoftmaxNodes(emitter, logits, all),
      { type: 'Reshape', inputs: [ids, emitter.ints([shape[0], 1])], outputs: [column] },
      { type: 'GatherElements', inputs: [all, column], outputs: [pickedColumn], attributes: { axis: { int: 1 } } },
      { type: 'Reshape', inputs: [pickedColumn, emitter.ints([shape[0]])], outputs: [picked] },
    ];
  },
  // dlogits = dy (onehot(id) - p)
  vjp: ({ g, inputs: [, ids], outputs: [, all], grads: [dy, ...others] }) => {
    onlyFirst('TokenLogprob', others);
    return [addAt(g, mul(g, exp(g, all), reshape(g, neg(g, dy!), [elements(dy!.shape), 1])), ids, dy!), null];
  },
  samples: [{ inputs: [sines(3, 4), whole([3], 2, 0, 3)] }],
};

function onlyFirst(name: string, grads: readonly (Value | null)[]): void {
  if (grads.some((grad) => grad !== null))
    throw new GraphError(`${name} is differentiated through its first output only`);
}

export function softmax(g: GraphBuilder, x: Value): Value {
  return g.apply(Softmax, [x], {})[0];
}

export function layerNorm(g: GraphBuilder, x: Value, scale: Value, shift: Value, epsilon: number): Value {
  return g.apply(LayerNorm, [x, scale, shift], { epsilon })[0];
}

export function rmsNorm(g: GraphBuilder, x: Value, scale: Value, epsilon: number): Value {
  return g.apply(RmsNorm, [x, scale], { epsilon })[0];
}

export function gatedSilu(g: GraphBuilder, gate: Value, up: Value): Value {
  return g.apply(GatedSilu, [gate, up], {})[0];
}

export function rotary(g: GraphBuilder, x: Value, positions: Value, cosine: Value, sine: Value): Value {
  return g.apply(Rotary, [x, positions, cosine, sine], {})[0];
}

export function attention(
  g: GraphBuilder,
  q: Value,
  k: Value,
  v: Value,
  options: { scale: number; group: number; hiding?: { bias: Value; visible: Value } },
): Value {
  const { scale, group, hiding } = options;
  return g.apply(Attention, hiding ? [q, k, v, hiding.bias, hiding.visible] : [q, k, v], { scale, group })[0];
}

export function tokenLogprob(g: GraphBuilder, logits: Value, ids: Value): { picked: Value; all: Value } {
  const [picked, all] = g.apply(TokenLogprob, [logits, ids], {});
  return { picked, all };
}
