/** 64-bit integers as pairs of 32-bit words, for kernels without wider integers (WebGPU). */
import type { GraphBuilder } from '../builder.ts';
import { NodeList } from '../node-list.ts';
import type { OnnxNode, Op, Value } from '../program.ts';
import { GraphError, ONNX_TYPES, sameShape } from '../tensor.ts';

/** ONNX's number of a type that no tensor of our graphs has. */
const UINT64 = 13;

/** int64 -> its low and its high word, uint32 each, in the same shape. */
export const Words: Op<Record<string, never>> = {
  name: 'Words',
  infer: ([x]) => {
    if (x.dtype !== 'int64') throw new GraphError('takes int64');
    const word = { dtype: 'uint32', shape: x.shape } as const;
    return [word, word];
  },
  emit: ({ inputs: [x], outputs: [low, high], emitter }) => {
    const [whole, places, shifted] = [emitter.temporary(), emitter.temporary(), emitter.temporary()];
    const castTo = (to: number, input: string, output: string): OnnxNode => ({
      type: 'Cast',
      inputs: [input],
      outputs: [output],
      attributes: { to: { int: to } },
    });
    return [
      castTo(UINT64, x, whole),
      castTo(ONNX_TYPES.uint32, whole, low),
      castTo(UINT64, emitter.ints([32]), places),
      {
        type: 'BitShift',
        inputs: [whole, places],
        outputs: [shifted],
        attributes: { direction: { text: 'RIGHT' } },
      },
      castTo(ONNX_TYPES.uint32, shifted, high),
    ];
  },
  vjp: 'no gradient',
  samples: [],
};

/**
 * Whether the products a b modulo 2^64, read as signed numbers, are below a threshold: words of a [n, 1], of b [1, m]
 * and of the threshold (scalars) -> bool [n, m]. Sums and products of words wrap.
 */
export const ProductBelow: Op<Record<string, never>> = {
  name: 'ProductBelow',
  infer: ([aLow, aHigh, bLow, bHigh, low, high]) => {
    if ([aLow, aHigh, bLow, bHigh, low, high].some(({ dtype }) => dtype !== 'uint32'))
      throw new GraphError('takes words');
    const [n, m] = [aLow.shape[0], bLow.shape[1]];
    if (
      ![aLow, aHigh].every(({ shape }) => sameShape(shape, [n, 1])) ||
      ![bLow, bHigh].every(({ shape }) => sameShape(shape, [1, m]))
    )
      throw new GraphError('takes words of a column and of a row');
    return [{ dtype: 'bool', shape: [n, m] }];
  },
  emit: ({ inputs: [aLow, aHigh, bLow, bHigh, low, high], outputs: [below], emitter }) => {
    const { nodes, put } = new NodeList(emitter);
    const [mul, div, add, sub] = ['Mul', 'Div', 'Add', 'Sub'].map(
      (type) => (x: string, y: string) => put(type, [x, y]),
    );
    const half = emitter.scalar(2 ** 16, 'uint32');
    /** x = upper 2^16 + lower */
    const halves = (x: string) => {
      const upper = div(x, half);
      return { upper, lower: sub(x, mul(upper, half)) };
    };
    const [a, b] = [halves(aLow), halves(bLow)];
    // The high word of aLow bLow, by parts that fit into a word: schoolbook, with carries.
    const first = add(mul(a.upper, b.lower), div(mul(a.lower, b.lower), half));
    const carried = halves(first);
    const second = add(mul(a.lower, b.upper), carried.lower);
    const carry = add(add(mul(a.upper, b.upper), carried.upper), div(second, half));
    const productHigh = add(add(carry, mul(aHigh, bLow)), mul(aLow, bHigh));
    // With the sign bit flipped, signed order is the order of unsigned words.
    const sign = emitter.scalar(2 ** 31, 'uint32');
    const [turned, bound] = [add(productHigh, sign), add(high, sign)];
    const less = put('Less', [turned, bound]);
    const atBound = put('And', [put('Equal', [turned, bound]), put('Less', [mul(aLow, bLow), low])]);
    put('Where', [less, less, atBound], {}, below);
    return nodes;
  },
  // Up to four words of each element at a time.
  scratch: ([aLow, , bLow]) => 16 * aLow.shape[0] * bLow.shape[1],
  vjp: 'no gradient',
  samples: [],
};

/** The words of int64 numbers, whether they are computed or constant. */
export type WordPair = { low: Value; high: Value };

export function words(g: GraphBuilder, x: Value): WordPair {
  const [low, high] = g.apply(Words, [x], {});
  return { low, high };
}

/** The words of constants. */
export function constantWords(g: GraphBuilder, data: BigInt64Array, shape: readonly number[]): WordPair {
  const pairs = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length); // little-endian
  const [low, high] = [0, 1].map((place) =>
    g.constant(
      Uint32Array.from(data, (_, i) => pairs[2 * i + place]),
      shape,
    ),
  );
  return { low, high };
}

/** Whether a b modulo 2^64 is below `threshold`, as signed numbers: a [n, 1], b [1, m], a scalar -> bool [n, m]. */
export function productBelow(g: GraphBuilder, a: WordPair, b: WordPair, threshold: WordPair): Value {
  return g.apply(ProductBelow, [a.low, a.high, b.low, b.high, threshold.low, threshold.high], {})[0];
}
