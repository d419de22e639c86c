/**
 * Gradient checkpointing: reverse mode reads the values of a recomputed segment from copies, which are computed when
 * the gradient reaches its end.
 */

import type { GraphBuilder } from './builder.ts';
import { add, cast, mul } from './ops/elementwise.ts';
import { reshape, slice } from './ops/movement.ts';
import type { Node, Value } from './program.ts';
import { elements, FLOATS } from './tensor.ts';

export class Recomputation {
  readonly #g: GraphBuilder;
  readonly #segments = new Map<Node, readonly Node[]>();
  readonly #copies = new Map<Value, Value>();

  constructor(g: GraphBuilder) {
    this.#g = g;
    for (const segment of g.segments) for (const node of segment) this.#segments.set(node, segment);
  }

  /**
   * The node as reverse mode should read it: itself, or with inputs and outputs that are computed after `arrived`, a
   * gradient from behind its segment.
   */
  of(node: Node, arrived: Value): Node {
    const segment = this.#segments.get(node);
    if (segment === undefined) return node;
    if (!this.#copies.has(segment[0].outputs[0])) this.#copy(segment, arrived);
    const copy = (value: Value) => this.#copies.get(value) ?? value;
    return { ...node, inputs: node.inputs.map(copy), outputs: node.outputs.map(copy) };
  }

  #copy(segment: readonly Node[], arrived: Value): void {
    const inside = new Set(segment.flatMap((node) => node.outputs));
    const outside = new Map<Value, Value>();
    const entering = (value: Value) => {
      const known = outside.get(value) ?? after(this.#g, value, arrived);
      outside.set(value, known);
      return known;
    };
    for (const node of segment) {
      const inputs = node.inputs.map((input) => (inside.has(input) ? this.#copies.get(input)! : entering(input)));
      for (const [i, output] of this.#g.again(node, inputs).entries()) this.#copies.set(node.outputs[i], output);
    }
  }
}

/**
 * `value`, but not before `arrived` is computed: one of its elements is added, times zero. So no runtime can run a
 * recomputed segment early, or merge it with the segment of the forward pass. A gradient that is not finite spreads;
 * such a step is skipped anyway.
 */
function after(g: GraphBuilder, value: Value, arrived: Value): Value {
  if (value.node === null || !FLOATS.includes(value.dtype)) return value;
  const element = cast(g, slice(g, reshape(g, arrived, [elements(arrived.shape)]), 0, 0, 1), 'float32');
  return add(g, value, cast(g, mul(g, element, g.scalar(0)), value.dtype));
}
