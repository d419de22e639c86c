/** ONNX nodes written one by one, each with one output. */
import type { Emitter, OnnxNode } from './program.ts';

export class NodeList {
  readonly nodes: OnnxNode[] = [];
  readonly #emitter: Emitter;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  /** Adds a node and returns the name of its output; default: a temporary one. */
  readonly put = (
    type: string,
    inputs: string[],
    attributes: OnnxNode['attributes'] = {},
    output = this.#emitter.temporary(),
  ): string => {
    this.nodes.push({ type, inputs, outputs: [output], attributes });
    return output;
  };
}
