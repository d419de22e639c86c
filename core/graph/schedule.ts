/** The order in which nodes are written, which decides the order in which onnxruntime runs them. */

import type { Node, Program, Value } from './program.ts';

/**
 * Drops nodes that no output needs and puts leaf nodes (whose outputs no other node reads) last, in reverse.
 *
 * onnxruntime walks depth-first from the last node that nobody reads. In the naive order every weight gradient would
 * run after the whole backward chain, with all activations alive; in reverse, a weight gradient runs as soon as its
 * operands exist.
 */
export function schedule(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const needed = new Set<Node>();
  const read = new Set<Node>();
  const visit = (value: Value): void => {
    if (value.node) needed.add(value.node);
  };
  outputs.forEach(visit);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!needed.has(node)) continue;
    for (const input of operands(node)) {
      visit(input);
      if (input.node) read.add(input.node);
    }
  }
  const kept = nodes.filter((node) => needed.has(node));
  const isRoot = (node: Node) => operands(node).every(({ node: source }) => source === null);
  const inner = kept.filter((node) => read.has(node));
  return [
    ...inner.filter(isRoot),
    ...inner.filter((node) => !isRoot(node)),
    ...kept.filter((node) => !read.has(node)).reverse(),
  ];
}

/** Inputs of a node and what its loop body captures. */
export function operands(node: Node): Value[] {
  return node.body ? [...node.inputs, ...captured(node.body)] : [...node.inputs];
}

function captured(body: Program): Value[] {
  const own = new Set<Value>([...body.inputs, ...body.initializers, ...body.nodes.flatMap((node) => node.outputs)]);
  return [...body.nodes.flatMap(operands), ...body.outputs.map(({ value }) => value)].filter(
    (value) => !own.has(value),
  );
}
