/**
 * Every node of every graph has a CUDA kernel for its version and its element types: without a GPU this is what can be
 * known of `engine.provider: cuda`. The table is onnxruntime's docs/OperatorKernels.md for the operators in use. A
 * kernel made for one version serves later ones only where its range is closed.
 */
import path from 'node:path';
import test from 'ava';
import type { Program, Value } from '../../../core/graph/program.ts';
import { Session } from '../../../core/graph/session.ts';
import { type DType, ONNX_TYPES } from '../../../core/graph/tensor.ts';
import { type Checkpoint, openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { trainedParameters } from '../../../core/policy/trained-parameters.ts';
import type { GraphModel } from '../../../core/policy/vlm/parameters.ts';
import { samplingProgram } from '../../../core/policy/vlm/sampling-graph.ts';
import { inspectionProgram, scoringProgram, trainingProgram } from '../../../core/policy/vlm/training-graph.ts';
import type { TrainScope } from '../../../core/policy/vlm-config.ts';

const FLOAT = ['float32', 'float16', 'bfloat16'];
const NARROW = ['float32', 'float16'];
const ANY = [...FLOAT, 'int64', 'bool'];
/**
 * Operator -> version of its definition at operator set 18, versions of the kernel (`to` null: open), element types of
 * its first float input.
 */
const KERNELS: Record<string, [since: number, from: number, to: number | null, types: string[]]> = {
  Add: [14, 14, null, [...FLOAT, 'int64']],
  Sub: [14, 14, null, [...FLOAT, 'int64']],
  Mul: [14, 14, null, [...FLOAT, 'int64']],
  Div: [14, 14, null, [...FLOAT, 'int64']],
  Max: [13, 13, null, [...FLOAT, 'int64']],
  Min: [13, 13, null, [...FLOAT, 'int64']],
  Less: [13, 13, null, [...NARROW, 'int64']],
  LessOrEqual: [16, 16, null, [...NARROW, 'int64']],
  Greater: [13, 13, null, [...NARROW, 'int64']],
  GreaterOrEqual: [16, 16, null, [...NARROW, 'int64']],
  Equal: [13, 13, null, [...NARROW, 'int64', 'bool']],
  Or: [7, 7, null, ['bool']],
  Not: [1, 1, null, ['bool']],
  Neg: [13, 13, null, [...FLOAT, 'int64']],
  Exp: [13, 13, null, FLOAT],
  Erf: [13, 13, null, FLOAT],
  Sigmoid: [13, 13, null, FLOAT],
  Tanh: [13, 13, null, FLOAT],
  Relu: [14, 14, null, FLOAT],
  Where: [16, 16, null, [...FLOAT, 'int64']],
  Cast: [13, 13, 18, ANY],
  Reshape: [14, 14, 18, ANY],
  Transpose: [13, 13, 20, ANY],
  Concat: [13, 13, null, ANY],
  Split: [18, 18, null, ANY],
  Slice: [13, 13, null, ANY],
  Expand: [13, 13, null, ANY],
  Pad: [18, 18, null, [...NARROW, 'bool']],
  ConstantOfShape: [9, 9, null, ANY],
  Gather: [13, 13, null, ANY],
  GatherElements: [13, 13, null, ANY],
  ScatterND: [18, 18, null, ANY],
  ScatterElements: [18, 18, null, ANY],
  ReduceSum: [13, 13, null, [...FLOAT, 'int64']],
  ReduceMean: [18, 18, null, NARROW],
  ReduceMax: [18, 18, null, [...NARROW, 'int64']],
  ArgMax: [13, 13, null, NARROW],
  CumSum: [14, 14, null, [...NARROW, 'int64']],
  MatMul: [13, 13, null, FLOAT],
  Gemm: [13, 13, null, FLOAT],
  Softmax: [13, 13, null, FLOAT],
  LogSoftmax: [13, 13, null, NARROW],
  LayerNormalization: [17, 17, null, FLOAT],
  SimplifiedLayerNormalization: [1, 1, null, FLOAT],
  Loop: [16, 13, 18, ANY],
  'com.microsoft.FusedMatMul': [1, 1, null, FLOAT],
  'com.microsoft.QuickGelu': [1, 1, null, FLOAT],
  'com.microsoft.Gelu': [1, 1, null, FLOAT],
  'com.microsoft.FastGelu': [1, 1, null, FLOAT],
  'com.microsoft.RotaryEmbedding': [1, 1, null, FLOAT],
};

/** One of each family, with parts of a picture that are tokens at all. */
const checkpoints = (
  [
    ['llava/llama-gqa-bf16', 1],
    ['vlm/qwen2_5-small', 24],
    ['vlm/qwen3-small', 24],
    ['vlm/smolvlm-small', 3],
  ] as const
).map(([name, parts]) => ({
  name,
  parts,
  checkpoint: openCheckpoint(path.resolve(import.meta.dirname, '../../golden', name)),
}));
const scopes = (checkpoint: Checkpoint): TrainScope[] => {
  const { rank, alpha } = checkpoint.adapter!;
  return [{ kind: 'all' }, { kind: 'lora', rank, alpha, dropout: 0, parts: ['language_model'] }];
};

function programs(
  { checkpoint, parts }: { checkpoint: Checkpoint; parts: number },
  precision: GraphModel['precision'],
  scope: TrainScope,
  gradientCheckpointing: boolean,
): Program[] {
  const model: GraphModel = {
    checkpoint,
    trained: trainedParameters(checkpoint, scope, [8]),
    loraScale: 2,
    loraDropout: 0.05,
    precision,
    gradientCheckpointing,
  };
  const picture = { parts, padded: parts > 1 };
  const shape = { rows: 2, promptTokens: 30, responseTokens: 8, padded: true, picture };
  const sample = { rows: 4, rowsPerPrompt: 2, promptTokens: 30, padded: true, picture, maxNewTokens: 4 };
  return [
    trainingProgram(model, shape),
    scoringProgram(model, shape),
    inspectionProgram(model, shape),
    samplingProgram(model, { ...sample, greedy: true, penalized: true }),
    samplingProgram(model, { ...sample, greedy: false, penalized: false }),
  ];
}

/**
 * What has no kernel, as sentences. Types of values between the ONNX nodes of one operator are those of what they are
 * made from, or what a Cast says.
 */
function withoutKernel(program: Program, types = new Map<string, DType>()): string[] {
  const name = (value: Value) => {
    types.set(`v${value.id}`, value.dtype);
    return `v${value.id}`;
  };
  let temporaries = 0;
  const emitter = {
    provider: 'cuda' as const,
    ints: () => 'ints',
    scalar: () => 'scalar',
    temporary: () => `t${types.size}.${temporaries++}`,
  };
  return program.nodes.flatMap((node) => {
    const emitted = node.op.emit({
      inputs: node.inputs.map(name),
      outputs: node.outputs.map(name),
      attributes: node.attributes,
      types: node.inputs,
      body: node.body,
      emitter,
    });
    const missing = emitted.flatMap(({ type, domain, inputs, outputs, attributes }) => {
      const dtype = types.get(type === 'Where' ? inputs[1] : inputs[0]) ?? 'int64';
      const to = attributes?.to && 'int' in attributes.to ? attributes.to.int : undefined;
      for (const output of outputs)
        if (!types.has(output))
          types.set(
            output,
            to === undefined ? dtype : (Object.keys(ONNX_TYPES) as DType[]).find((one) => ONNX_TYPES[one] === to)!,
          );
      const full = domain ? `${domain}.${type}` : type;
      const kernel = KERNELS[full];
      if (kernel === undefined) return [`${full} is not in the table`];
      const [since, from, last, accepted] = kernel;
      const serves = from === since || (last !== null && from < since && since <= last);
      return serves && accepted.includes(dtype) ? [] : [`${full}(${dtype}) of version ${since}`];
    });
    return [...missing, ...(node.body ? withoutKernel(node.body, types) : [])];
  });
}

for (const precision of ['float32', 'float16', 'bfloat16'] as const) {
  test(`a CUDA kernel for every node in ${precision}`, (t) => {
    for (const model of checkpoints)
      for (const scope of scopes(model.checkpoint))
        for (const checkpointed of [false, true])
          for (const program of programs(model, precision, scope, checkpointed))
            t.deepEqual([...new Set(withoutKernel(program))], [], model.name);
  });
}

test('half-width weights stay in their stored type: frozen ones enter products without a float32 copy', (t) => {
  const [llava] = checkpoints;
  const [training] = programs(llava, 'bfloat16', scopes(llava.checkpoint)[1], true);
  const widened = training.nodes.filter(
    ({ op, inputs: [x], outputs: [y] }) =>
      op.name === 'Cast' && y.dtype === 'float32' && x.node === null && x.shape.length === 2 && x.dtype === 'bfloat16',
  );
  t.deepEqual(
    widened.map(({ inputs: [{ shape }] }) => shape),
    [],
  );
});

test('bfloat16 graphs are valid; a CPU has no kernel for their products', async (t) => {
  // onnxruntime infers all types before it looks for kernels: an invalid graph would be refused as one.
  for (const model of checkpoints)
    for (const program of programs(model, 'bfloat16', scopes(model.checkpoint)[1], true))
      await t.throwsAsync(Session.load(program), { message: /Could not find an implementation for Gemm\(13\)/ });
});
