/**
 * Prints a program as text: one line a node, values numbered in order of appearance, so that equal programs print
 * alike.
 */

import type { Program, Value } from './program.ts';
import { formatType } from './tensor.ts';

export function printProgram(program: Program, indent = '', names: Map<Value, string> = new Map()): string {
  const name = (value: Value): string => {
    const known = names.get(value) ?? `%${names.size}`;
    names.set(value, known);
    return known;
  };
  const lines = program.inputs.map((input) => `input ${input.name} ${name(input)}: ${formatType(input)}`);
  for (const initializer of program.initializers) {
    const { data } = initializer;
    const content = !ArrayBuffer.isView(data)
      ? data.name
      : data.length <= 8
        ? [...data].join(' ')
        : `${data.length} elements`;
    lines.push(`constant ${name(initializer)}: ${formatType(initializer)} = ${content}`);
  }
  for (const node of program.nodes) {
    const attributes = Object.keys(node.attributes).length === 0 ? '' : ` ${JSON.stringify(node.attributes)}`;
    const inputs = node.inputs.map(name).join(', ');
    lines.push(
      `${node.outputs.map((output) => `${name(output)}: ${formatType(output)}`).join(', ')} = ${node.op.name}(${inputs})${attributes}`,
    );
    if (node.body) lines.push(printProgram(node.body, '  ', names));
  }
  for (const { name: label, value } of program.outputs) lines.push(`output ${label} = ${name(value)}`);
  return lines
    .map((line) =>
      line
        .split('\n')
        .map((part) => indent + part)
        .join('\n'),
    )
    .join('\n');
}
