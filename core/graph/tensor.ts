/** Element types, static shapes and the arithmetic of shapes that every operator shares. */

/**
 * Element types that graphs compute with. Half-width types are for matrix products, sums and moving elements; uint32
 * for halves of 64-bit integers (ops/words.ts); everything else is float32.
 */
export type DType = 'float32' | 'int64' | 'bool' | 'float16' | 'bfloat16' | 'uint32';

/** Types that gradients flow through. */
export const FLOATS: readonly DType[] = ['float32', 'float16', 'bfloat16'];

/**
 * Dimensions, outermost first. A scalar is `[]`. `UNKNOWN` stands for the length of a loop's growing tail, and for
 * nothing else.
 */
export type Shape = readonly number[];

/** A dimension that is known only while a loop runs. */
export const UNKNOWN = -1;

export type TensorType = { readonly dtype: DType; readonly shape: Shape };

/** Bytes of one element in a file or a buffer. */
export const elementBytes: Record<DType, number> = {
  float32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  bfloat16: 2,
  uint32: 4,
};

/** Element types as ONNX numbers them. */
export const ONNX_TYPES: Record<DType, number> = {
  float32: 1,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  uint32: 12,
};

/** An error in the code that builds a graph: an ill-typed node, or an operator where it cannot be used. */
export class GraphError extends Error {
  override name = 'GraphError';
}

/** Number of elements. Throws GraphError when a dimension is unknown. */
export function elements(shape: Shape): number {
  if (shape.includes(UNKNOWN))
    throw new GraphError(`the number of elements of ${formatShape(shape)} is not known before the graph runs`);
  return shape.reduce((product, length) => product * length, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/**
 * The shape of an element-wise result: trailing axes are aligned, length 1 stretches. Throws GraphError when they do
 * not fit.
 */
export function broadcastShapes(...shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let result = 1;
    for (const shape of shapes) {
      const length = shape[axis - rank + shape.length] ?? 1;
      if (length === 1 || length === result) continue;
      if (result !== 1) throw new GraphError(`shapes ${shapes.map(formatShape).join(' and ')} do not broadcast`);
      result = length;
    }
    return result;
  });
}

/** An axis counted from the front. Throws GraphError when out of range. */
export function normalAxis(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(result) || result < 0 || result >= rank)
    throw new GraphError(`axis ${axis} is out of range for rank ${rank}`);
  return result;
}

export function formatShape(shape: Shape): string {
  return `[${shape.map((length) => (length === UNKNOWN ? '?' : length)).join(',')}]`;
}

export function formatType({ dtype, shape }: TensorType): string {
  return dtype + formatShape(shape);
}
