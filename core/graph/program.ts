/**
 * What a graph is: values in single-assignment form, nodes that apply operators to them, and the one record that
 * defines an operator.
 */

import type { GraphBuilder } from './builder.ts';
import type { StoredDType } from './safetensors.ts';
import type { Shape, TensorType } from './tensor.ts';

/** One tensor of a program. Compared by identity. */
export type Value = TensorType & {
  readonly id: number;
  /** The node that computes it; null for an input, a constant or a stored tensor. */
  readonly node: Node | null;
};

/** An input fed on every run. */
export type InputValue = Value & { readonly name: string };

/** A tensor inside the model: small constants hold their elements, stored ones point into a file. */
export type InitializerValue = Value & { readonly data: ConstantData | StoredData };
export type ConstantData = Float32Array | BigInt64Array | Uint32Array | Uint8Array;
/** Where a tensor's bytes lie: row-major, little-endian, as safetensors files hold them. */
export type StoredData = {
  readonly name: string;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** The element type in the file, where it is converted when the model is loaded. */
  readonly from?: StoredDType;
};

/** Plain data that parametrises one use of an operator; compared by its JSON text. */
export type Attributes = Readonly<Record<string, number | string | boolean | readonly number[] | undefined>>;

export type Node = {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
  /** The repeated part of a Loop. */
  readonly body?: Program;
};

/** A finished, type-checked graph. */
export type Program = {
  readonly inputs: readonly InputValue[];
  readonly initializers: readonly InitializerValue[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
};

/** An attribute as ONNX spells it. */
export type OnnxAttribute =
  | { float: number }
  | { int: number }
  | { ints: readonly number[] }
  | { text: string }
  | { graph: Program };

/** One ONNX node; `inputs` are names, '' for an absent optional one. */
export type OnnxNode = {
  type: string;
  domain?: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, OnnxAttribute>>;
};

/** Where onnxruntime computes (its execution providers). */
export type Provider = 'cpu' | 'cuda' | 'webgpu';

/** What `emit` can request while it writes ONNX nodes. */
export type Emitter = {
  /** The provider whose kernels compute the nodes. */
  readonly provider: Provider;
  /** Name of an int64 vector that lies in the model. */
  ints(values: readonly number[]): string;
  /** Name of a scalar stored in the model, float32 by default. */
  scalar(value: number, dtype?: 'float32' | 'uint32'): string;
  /** A fresh name for a value that no other node reads. */
  temporary(): string;
};

export type VjpContext<A extends Attributes = Attributes> = {
  readonly g: GraphBuilder;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /**
   * Gradient of the loss with respect to each output; null where the loss does not depend on it. At least one is given.
   */
  readonly grads: readonly (Value | null)[];
  readonly attributes: A;
  /** Which inputs need a gradient; a rule may return null for the others. */
  readonly needs: readonly boolean[];
};

/**
 * A differentiation check: inputs to try the operator on. Lists of numbers are float32, of bigints int64, of booleans
 * bool.
 */
export type Sample<A extends Attributes = Attributes> = {
  readonly inputs: readonly {
    readonly shape: Shape;
    readonly data: readonly number[] | readonly bigint[] | readonly boolean[];
  }[];
  readonly attributes?: A;
};

/** The whole definition of an operator. */
export type Op<A extends Attributes = any> = {
  readonly name: string;
  /** Types of the outputs. Throws GraphError when the inputs do not fit. */
  infer(inputs: readonly TensorType[], attributes: A, body?: Program): TensorType[];
  /** The ONNX nodes that compute `outputs` from `inputs` (both names). */
  emit(context: {
    inputs: readonly string[];
    outputs: readonly string[];
    attributes: A;
    types: readonly TensorType[];
    body?: Program;
    emitter: Emitter;
  }): OnnxNode[];
  /** Bytes that its ONNX nodes hold in addition to inputs and outputs; 0 if it is one node. */
  scratch?(inputs: readonly TensorType[], attributes: A): number;
  /**
   * The vector-Jacobian product: gradients of the inputs, in the broadcast shape where the operator broadcasts (the
   * walker sums). `'no gradient'`: the outputs are piecewise constant, so nothing flows back. `'forbidden'`: asking for
   * a gradient is an error.
   */
  readonly vjp: ((context: VjpContext<A>) => readonly (Value | null)[]) | 'no gradient' | 'forbidden';
  /** Inputs on which the rule is compared with numeric differences; at least one where there is a rule. */
  readonly samples: readonly Sample<A>[];
};
