/** Reverse mode: walks a graph back once and emits gradient nodes into the same builder. */

import type { GraphBuilder } from './builder.ts';
import type { Node, Value } from './program.ts';
import { add, cast } from './ops/elementwise.ts';
import { gemm, Gemm } from './ops/linear-algebra.ts';
import { Recomputation } from './recomputation.ts';
import { reshape, scatterAddRows, ScatterAddRows, Zeros } from './ops/movement.ts';
import { reduceSum } from './ops/reduction.ts';
import { formatShape, GraphError, sameShape } from './tensor.ts';

/**
 * Gradients of a scalar `loss` with respect to `wanted`, in that order; null where the loss does not depend on one.
 * Throws GraphError when the path leads through an operator that cannot be differentiated.
 */
export function gradients(g: GraphBuilder, loss: Value, wanted: readonly Value[]): (Value | null)[] {
  if (loss.shape.length !== 0) throw new GraphError(`a loss is a scalar, not ${formatShape(loss.shape)}`);
  const nodes = [...g.nodes];
  const depends = new Set<Value>(wanted);
  for (const node of nodes) {
    if (node.inputs.some((input) => depends.has(input))) for (const output of node.outputs) depends.add(output);
  }
  const grads = new Map<Value, Value>([[loss, g.scalar(1)]]);
  const recomputation = new Recomputation(g);
  for (const node of nodes.reverse()) {
    const outputGrads = node.outputs.map((output) => grads.get(output) ?? null);
    const needs = node.inputs.map((input) => depends.has(input));
    if (outputGrads.every((grad) => grad === null) || !needs.includes(true)) continue;
    const inputGrads = pullBack(
      g,
      recomputation.of(
        node,
        outputGrads.find((grad) => grad !== null)!,
      ),
      outputGrads,
      needs,
    );
    node.inputs.forEach((input, i) => {
      const grad = inputGrads[i];
      if (!needs[i] || !grad) return;
      const contribution = unbroadcast(g, grad, input);
      const earlier = grads.get(input);
      grads.set(input, earlier ? accumulate(g, earlier, contribution) : contribution);
    });
  }
  return wanted.map((value) => grads.get(value) ?? null);
}

function pullBack(
  g: GraphBuilder,
  node: Node,
  grads: readonly (Value | null)[],
  needs: readonly boolean[],
): readonly (Value | null)[] {
  const { op, inputs, outputs, attributes } = node;
  if (op.vjp === 'no gradient') return inputs.map(() => null);
  if (op.vjp === 'forbidden') throw new GraphError(`${op.name} cannot be differentiated`);
  const result = op.vjp({ g, inputs, outputs, grads, attributes, needs });
  if (result.length !== inputs.length)
    throw new GraphError(`the gradient rule of ${op.name} gave ${result.length} gradients for ${inputs.length} inputs`);
  return result;
}

/** Sums a gradient over the axes along which its value was broadcast: the only code that handles broadcasting. */
function unbroadcast(g: GraphBuilder, grad: Value, value: Value): Value {
  if (sameShape(grad.shape, value.shape)) return grad;
  const extra = grad.shape.length - value.shape.length;
  if (extra < 0)
    throw new GraphError(
      `a gradient of shape ${formatShape(grad.shape)} cannot belong to a value of shape ${formatShape(value.shape)}`,
    );
  const axes = grad.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < extra || (value.shape[axis - extra] === 1 && grad.shape[axis] !== 1));
  // Long sums in half precision would lose small terms.
  return reshape(g, cast(g, reduceSum(g, cast(g, grad, 'float32'), axes), grad.dtype), value.shape);
}

/** `earlier + contribution`, the sum made inside the contribution's own node where that costs nothing. */
function accumulate(g: GraphBuilder, earlier: Value, contribution: Value): Value {
  const { node } = contribution;
  if (node && g.readers(contribution) === 0) {
    const [a, b, c] = node.inputs;
    if (node.op === Gemm && !c)
      return gemm(g, a, b, { ...(node.attributes as Parameters<typeof gemm>[3]), added: earlier });
    if (node.op === ScatterAddRows && a.node?.op === Zeros) return scatterAddRows(g, earlier, b, c);
  }
  return add(g, earlier, contribution);
}
