/** Operators that move elements: reshape, transpose, slice, gather, scatter. */

import type { GraphBuilder } from '../builder.ts';
import type { Op, Sample, Value } from '../program.ts';
import { cast } from './elementwise.ts';
import { addInOrderNodes } from './ordered-scatter.ts';
import {
  elements,
  formatShape,
  GraphError,
  normalAxis,
  sameShape,
  UNKNOWN,
  type DType,
  type Shape,
} from '../tensor.ts';

const counting = (shape: Shape): { shape: Shape; data: number[] } => ({
  shape,
  data: Array.from({ length: elements(shape) }, (_, i) => 0.3 * i - 1),
});
const indices = (...data: number[]): { shape: Shape; data: bigint[] } => ({
  shape: [data.length],
  data: data.map(BigInt),
});

/** The same elements in another shape. One dimension may be UNKNOWN where the input's is. */
export const Reshape: Op<{ shape: Shape }> = {
  name: 'Reshape',
  infer: ([x], { shape }) => {
    if (!shape.includes(UNKNOWN) && elements(shape) !== elements(x.shape))
      throw new GraphError(`cannot become ${formatShape(shape)}`);
    return [{ dtype: x.dtype, shape }];
  },
  emit: ({ inputs, outputs, attributes, emitter }) => [
    { type: 'Reshape', inputs: [...inputs, emitter.ints(attributes.shape)], outputs },
  ],
  vjp: ({ g, inputs: [x], grads: [dy] }) => [reshape(g, dy!, x.shape)],
  samples: [{ inputs: [counting([2, 3])], attributes: { shape: [3, 2] } }],
};

export const Transpose: Op<{ permutation: readonly number[] }> = {
  name: 'Transpose',
  infer: ([x], { permutation }) => {
    if (
      !sameShape(
        [...permutation].sort((a, b) => a - b),
        x.shape.map((_, axis) => axis),
      )
    )
      throw new GraphError('is not a permutation of the axes');
    return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]) }];
  },
  emit: ({ inputs, outputs, attributes }) => [
    { type: 'Transpose', inputs, outputs, attributes: { perm: { ints: attributes.permutation } } },
  ],
  vjp: ({ g, grads: [dy], attributes: { permutation } }) => [
    transpose(
      g,
      dy!,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  samples: [{ inputs: [counting([2, 3, 2])], attributes: { permutation: [2, 0, 1] } }],
};

export const Concat: Op<{ axis: number }> = {
  name: 'Concat',
  infer: (inputs, { axis }) => {
    const at = normalAxis(axis, inputs[0].shape.length);
    const others = (shape: Shape): Shape => shape.filter((_, i) => i !== at);
    if (
      inputs.some(({ dtype, shape }) => dtype !== inputs[0].dtype || !sameShape(others(shape), others(inputs[0].shape)))
    )
      throw new GraphError('takes inputs that differ only along the axis');
    const lengths = inputs.map(({ shape }) => shape[at]);
    const length = lengths.includes(UNKNOWN) ? UNKNOWN : lengths.reduce((sum, one) => sum + one, 0);
    return [{ dtype: inputs[0].dtype, shape: inputs[0].shape.with(at, length) }];
  },
  emit: ({ inputs, outputs, attributes: { axis } }) => [
    { type: 'Concat', inputs, outputs, attributes: { axis: { int: axis } } },
  ],
  vjp: ({ g, inputs, grads: [dy], attributes: { axis }, needs }) => {
    let start = 0;
    return inputs.map(({ shape }, i) => {
      const length = shape[normalAxis(axis, shape.length)];
      start += length;
      return needs[i] ? slice(g, dy!, axis, start - length, start) : null;
    });
  },
  samples: [{ inputs: [counting([2, 3]), counting([2, 1])], attributes: { axis: 1 } }],
};

/** One axis cut into parts of the given lengths. */
export const Split: Op<{ axis: number; lengths: readonly number[] }> = {
  name: 'Split',
  infer: ([x], { axis, lengths }) => {
    const at = normalAxis(axis, x.shape.length);
    if (lengths.reduce((sum, one) => sum + one, 0) !== x.shape[at])
      throw new GraphError(`does not fall into parts of ${lengths}`);
    return lengths.map((length) => ({ dtype: x.dtype, shape: x.shape.with(at, length) }));
  },
  emit: ({ inputs, outputs, attributes: { axis, lengths }, emitter }) => [
    { type: 'Split', inputs: [...inputs, emitter.ints(lengths)], outputs, attributes: { axis: { int: axis } } },
  ],
  vjp: ({ g, outputs, grads, attributes: { axis } }) => [
    concat(
      g,
      grads.map((grad, part) => grad ?? zeros(g, outputs[part].shape, outputs[part].dtype)),
      axis,
    ),
  ],
  samples: [{ inputs: [counting([2, 4])], attributes: { axis: 1, lengths: [1, 3] } }],
};

/**
 * One axis cut into parts whose lengths are known only while a loop runs: int64 [parts]; `lengths` has those known in
 * advance.
 */
export const SplitAt: Op<{ axis: number; lengths: readonly number[] }> = {
  name: 'SplitAt',
  infer: ([x, at], { axis, lengths }) => {
    if (at.dtype !== 'int64' || !sameShape(at.shape, [lengths.length]))
      throw new GraphError(`takes a tensor and int64 [${lengths.length}]`);
    return lengths.map((length) => ({ dtype: x.dtype, shape: x.shape.with(normalAxis(axis, x.shape.length), length) }));
  },
  emit: ({ inputs, outputs, attributes: { axis } }) => [
    { type: 'Split', inputs, outputs, attributes: { axis: { int: axis } } },
  ],
  vjp: 'forbidden',
  samples: [],
};

/** Elements start..end (exclusive) of one axis; without `end`, up to the last. */
export const Slice: Op<{ axis: number; start: number; end?: number }> = {
  name: 'Slice',
  infer: ([x], { axis, start, end }) => {
    const at = normalAxis(axis, x.shape.length);
    const length = x.shape[at];
    if (length !== UNKNOWN && (start < 0 || (end ?? length) < start || (end ?? length) > length))
      throw new GraphError(`has no elements ${start}..${end} on axis ${axis}`);
    return [
      {
        dtype: x.dtype,
        shape: x.shape.with(at, end !== undefined ? end - start : length === UNKNOWN ? UNKNOWN : length - start),
      },
    ];
  },
  emit: ({ inputs, outputs, attributes: { axis, start, end = Number.MAX_SAFE_INTEGER }, emitter }) => [
    { type: 'Slice', inputs: [inputs[0], emitter.ints([start]), emitter.ints([end]), emitter.ints([axis])], outputs },
  ],
  vjp: ({ g, inputs: [x], grads: [dy], attributes: { axis, start, end } }) => {
    const length = x.shape[normalAxis(axis, x.shape.length)];
    return [pad(g, dy!, axis, start, length - (end ?? length))];
  },
  samples: [{ inputs: [counting([2, 4])], attributes: { axis: 1, start: 1, end: 3 } }],
};

/** Zeros before and after one axis. */
export const Pad: Op<{ axis: number; before: number; after: number }> = {
  name: 'Pad',
  infer: ([x], { axis, before, after }) => {
    const at = normalAxis(axis, x.shape.length);
    return [{ dtype: x.dtype, shape: x.shape.with(at, x.shape[at] + before + after) }];
  },
  emit: ({ inputs, outputs, attributes: { axis, before, after }, types, emitter }) => {
    const rank = types[0].shape.length;
    const pads = new Array<number>(2 * rank).fill(0);
    pads[normalAxis(axis, rank)] = before;
    pads[rank + normalAxis(axis, rank)] = after;
    return [{ type: 'Pad', inputs: [...inputs, emitter.ints(pads)], outputs }];
  },
  vjp: ({ g, inputs: [x], grads: [dy], attributes: { axis, before } }) => [
    slice(g, dy!, axis, before, before + x.shape[normalAxis(axis, x.shape.length)]),
  ],
  samples: [{ inputs: [counting([2, 2])], attributes: { axis: 1, before: 1, after: 2 } }],
};

export const Expand: Op<{ shape: Shape }> = {
  name: 'Expand',
  infer: ([x], { shape }) => {
    if (x.shape.length !== shape.length || x.shape.some((length, axis) => length !== 1 && length !== shape[axis]))
      throw new GraphError(`does not stretch to ${formatShape(shape)}`);
    return [{ dtype: x.dtype, shape }];
  },
  emit: ({ inputs, outputs, attributes, emitter }) => [
    { type: 'Expand', inputs: [...inputs, emitter.ints(attributes.shape)], outputs },
  ],
  vjp: ({ grads: [dy] }) => [dy],
  samples: [{ inputs: [counting([2, 1])], attributes: { shape: [2, 3] } }],
};

/** A tensor of zeros that takes no space in the model. */
export const Zeros: Op<{ shape: Shape }> = {
  name: 'Zeros',
  infer: (_, { shape }) => [{ dtype: 'float32', shape }],
  emit: ({ outputs, attributes: { shape }, emitter }) => [
    // With WebGPU, ConstantOfShape runs on the CPU, and the zeros would be copied.
    emitter.provider === 'webgpu' && elements(shape) > 0
      ? { type: 'Expand', inputs: [emitter.scalar(0), emitter.ints(shape)], outputs }
      : { type: 'ConstantOfShape', inputs: [emitter.ints(shape)], outputs },
  ],
  vjp: 'no gradient',
  samples: [],
};

/** Rows `indices` (any shape) of a table: [rows, ...row] x [...indices] -> [...indices, ...row]. */
export const GatherRows: Op<Record<string, never>> = {
  name: 'GatherRows',
  infer: ([table, at]) => {
    if (at.dtype !== 'int64' || table.shape.length < 1) throw new GraphError('takes a table and int64 indices');
    return [{ dtype: table.dtype, shape: [...at.shape, ...table.shape.slice(1)] }];
  },
  emit: ({ inputs, outputs }) => [{ type: 'Gather', inputs, outputs, attributes: { axis: { int: 0 } } }],
  vjp: ({ g, inputs: [table, at], grads: [dy] }) => [
    scatterAddRows(g, zeros(g, table.shape, dy!.dtype), at, dy!),
    null,
  ],
  samples: [{ inputs: [counting([4, 2]), indices(2, 0, 2)] }, { inputs: [counting([3, 2, 2]), indices(1)] }],
};

type Scatter = Op<Record<string, never>>;
const scatterRows = (
  name: string,
  reduction: string,
  vjp: Scatter['vjp'],
  samples: Sample<Record<string, never>>[],
): Scatter => ({
  name,
  infer: ([table, at, rows]) => {
    if (
      at.dtype !== 'int64' ||
      !sameShape(rows.shape, [...at.shape, ...table.shape.slice(1)]) ||
      rows.dtype !== table.dtype
    )
      throw new GraphError('takes a table, int64 indices and one row for each');
    return [{ dtype: table.dtype, shape: table.shape }];
  },
  emit: ({ inputs: [table, at, rows], outputs: [y], types: [tableType, atType], emitter }) => {
    if (reduction === 'add' && emitter.provider === 'webgpu')
      return addInOrderNodes(emitter, [table, at, rows], y, tableType, elements(atType.shape));
    const column = emitter.temporary();
    return [
      { type: 'Reshape', inputs: [at, emitter.ints([...atType.shape, 1])], outputs: [column] },
      {
        type: 'ScatterND',
        inputs: [table, column, rows],
        outputs: [y],
        attributes: { reduction: { text: reduction } },
      },
    ];
  },
  vjp,
  samples,
});

/** The table with rows added at `indices`; indices may repeat. */
export const ScatterAddRows = scatterRows(
  'ScatterAddRows',
  'add',
  ({ g, inputs: [, at], grads: [dy], needs }) => [dy, null, needs[2] ? gatherRows(g, dy!, at) : null],
  [{ inputs: [counting([4, 2]), indices(2, 0, 2), counting([3, 2])] }],
);

/** The table with rows replaced at `indices`; indices must not repeat. */
export const ReplaceRows = scatterRows(
  'ReplaceRows',
  'none',
  ({ g, inputs: [, at, rows], grads: [dy], needs }) => [
    needs[0] ? replaceRows(g, dy!, at, zeros(g, rows.shape, dy!.dtype)) : null,
    null,
    needs[2] ? gatherRows(g, dy!, at) : null,
  ],
  [{ inputs: [counting([4, 2]), indices(2, 0), counting([2, 2])] }],
);

/** Adds one number to each row of a matrix, at the row's index: y[n, at[n]] += by[n]. */
export const AddAt: Op<Record<string, never>> = {
  name: 'AddAt',
  infer: ([x, at, by]) => {
    if (
      x.shape.length !== 2 ||
      at.dtype !== 'int64' ||
      !sameShape(at.shape, [x.shape[0]]) ||
      !sameShape(by.shape, at.shape)
    )
      throw new GraphError('takes [rows, columns], int64 [rows] and [rows]');
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  emit: ({ inputs: [x, at, by], outputs, types: [{ shape }], emitter }) => {
    const [atColumn, byColumn, column] = [emitter.temporary(), emitter.temporary(), emitter.ints([shape[0], 1])];
    return [
      { type: 'Reshape', inputs: [at, column], outputs: [atColumn] },
      { type: 'Reshape', inputs: [by, column], outputs: [byColumn] },
      {
        type: 'ScatterElements',
        inputs: [x, atColumn, byColumn],
        outputs,
        attributes: { axis: { int: 1 }, reduction: { text: 'add' } },
      },
    ];
  },
  vjp: 'forbidden',
  samples: [],
};

/**
 * `x` itself where it already has the shape; reshaping twice becomes one reshape.
 */
export function reshape(g: GraphBuilder, x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape) && !shape.includes(UNKNOWN)) return x;
  return x.node?.op === Reshape ? reshape(g, x.node.inputs[0], shape) : g.apply(Reshape, [x], { shape })[0];
}

/** `x` itself where nothing moves; a reshape where only axes of length 1 do. */
export function transpose(g: GraphBuilder, x: Value, permutation: readonly number[]): Value {
  const longAxes = permutation.filter((axis) => x.shape[axis] !== 1);
  if (longAxes.every((axis, i) => i === 0 || axis > longAxes[i - 1]) && !x.shape.includes(UNKNOWN))
    return reshape(
      g,
      x,
      permutation.map((axis) => x.shape[axis]),
    );
  return g.apply(Transpose, [x], { permutation })[0];
}

export function concat(g: GraphBuilder, parts: readonly Value[], axis: number): Value {
  return parts.length === 1 ? parts[0] : g.apply(Concat, parts, { axis })[0];
}

/** `x` itself where there is one part. */
export function split(g: GraphBuilder, x: Value, axis: number, lengths: readonly number[]): readonly Value[] {
  return lengths.length === 1 ? [x] : g.apply(Split, [x], { axis, lengths });
}

export function splitAt(
  g: GraphBuilder,
  x: Value,
  axis: number,
  at: Value,
  lengths: readonly number[],
): readonly Value[] {
  return g.apply(SplitAt, [x, at], { axis, lengths });
}

/** `x` itself where the whole axis is taken. */
export function slice(g: GraphBuilder, x: Value, axis: number, start: number, end?: number): Value {
  const length = x.shape[normalAxis(axis, x.shape.length)];
  return start === 0 && (end === undefined || end === length) ? x : g.apply(Slice, [x], { axis, start, end })[0];
}

/** In float32 whatever `x` is: onnxruntime's CUDA provider pads no bfloat16. */
export function pad(g: GraphBuilder, x: Value, axis: number, before: number, after: number): Value {
  return cast(g, g.apply(Pad, [cast(g, x, 'float32')], { axis, before, after })[0], x.dtype);
}

export function expand(g: GraphBuilder, x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : g.apply(Expand, [x], { shape })[0];
}

export function zeros(g: GraphBuilder, shape: Shape, dtype: DType = 'float32'): Value {
  return cast(g, g.apply(Zeros, [], { shape })[0], dtype);
}

export function gatherRows(g: GraphBuilder, table: Value, at: Value): Value {
  return g.apply(GatherRows, [table, at], {})[0];
}

export function scatterAddRows(g: GraphBuilder, table: Value, at: Value, rows: Value): Value {
  return g.apply(ScatterAddRows, [table, at, rows], {})[0];
}

export function replaceRows(g: GraphBuilder, table: Value, at: Value, rows: Value): Value {
  return g.apply(ReplaceRows, [table, at, rows], {})[0];
}

export function addAt(g: GraphBuilder, x: Value, at: Value, by: Value): Value {
  return g.apply(AddAt, [x, at, by], {})[0];
}
