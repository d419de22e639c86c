/** Checks a finished program: every value is defined before it is read and has the type that its operator gives. */

import type { Program, Value } from './program.ts';
import { formatType, GraphError, sameShape } from './tensor.ts';

/** Throws GraphError naming the first node that is ill-typed. `outer` holds what an enclosing program has defined. */
export function typeCheck(program: Program, outer: ReadonlySet<Value> = new Set()): void {
  const defined = new Set<Value>([...outer, ...program.inputs, ...program.initializers]);
  const demand = (value: Value, reader: string): void => {
    if (!defined.has(value))
      throw new GraphError(`${reader} reads value ${value.id} (${formatType(value)}) before it is defined`);
  };
  for (const node of program.nodes) {
    const reader = `${node.op.name} (value ${node.outputs[0]?.id})`;
    for (const input of node.inputs) demand(input, reader);
    if (node.body) typeCheck(node.body, defined);
    const types = node.op.infer(node.inputs, node.attributes, node.body);
    node.outputs.forEach((output, i) => {
      if (!types[i] || types[i].dtype !== output.dtype || !sameShape(types[i].shape, output.shape)) {
        throw new GraphError(
          `${reader} output ${i} is ${formatType(output)} but the operator gives ` +
            `${types[i] ? formatType(types[i]) : 'nothing'}`,
        );
      }
      defined.add(output);
    });
  }
  for (const { name, value } of program.outputs) demand(value, `output ${name}`);
}
