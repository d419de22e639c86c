/**
 * Parts of a large frozen tower, each as one CPU kernel in float32: a bias needs no extra pass over memory, and
 * attention scores are never stored.
 */
import type { GraphBuilder } from '../builder.ts';
import type { Op, Value } from '../program.ts';
import { elements, GraphError, sameShape } from '../tensor.ts';

/** geluTanh(x + bias); the bias has the length of the last axis. */
export const BiasGeluTanh: Op<Record<string, never>> = {
  name: 'BiasGeluTanh',
  infer: ([x, bias]) => {
    if (!sameShape(bias.shape, x.shape.slice(-1))) throw new GraphError('takes a bias as long as the last axis');
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  emit: ({ inputs, outputs }) => [{ type: 'FastGelu', domain: 'com.microsoft', inputs, outputs }],
  vjp: 'forbidden',
  samples: [],
};

/**
 * softmax(scale q k^T) v of each head, where queries, keys and values [rows, tokens, heads * width] each have their
 * part of the bias [3 * heads * width] added; the result has their shape.
 */
export const MultiHeadAttention: Op<{ heads: number; scale: number }> = {
  name: 'MultiHeadAttention',
  infer: ([q, k, v, bias], { heads }) => {
    if (q.shape.length !== 3 || !sameShape(k.shape, q.shape) || !sameShape(v.shape, q.shape))
      throw new GraphError('takes queries, keys and values [rows, tokens, heads * width]');
    if (q.shape[2] % heads !== 0 || !sameShape(bias.shape, [3 * q.shape[2]]))
      throw new GraphError('takes heads of equal width, and a bias for all three side by side');
    return [{ dtype: q.dtype, shape: q.shape }];
  },
  emit: ({ inputs, outputs, attributes: { heads, scale } }) => [
    {
      type: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs,
      outputs,
      attributes: { num_heads: { int: heads }, scale: { float: scale } },
    },
  ],
  // All three, head by head; the blocks of scores are small in comparison.
  scratch: ([q]) => 3 * 4 * elements(q.shape),
  vjp: 'forbidden',
  samples: [],
};

export function biasGeluTanh(g: GraphBuilder, x: Value, bias: Value): Value {
  return g.apply(BiasGeluTanh, [x, bias], {})[0];
}

export function multiHeadAttention(
  g: GraphBuilder,
  [q, k, v]: readonly Value[],
  bias: Value,
  options: { heads: number; scale: number },
): Value {
  return g.apply(MultiHeadAttention, [q, k, v, bias], options)[0];
}
