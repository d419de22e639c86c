/** Which parameters a run trains, and their values before its first update. */
import { elements } from '../graph/tensor.ts';
import { readTensor, type TensorLocation } from '../graph/safetensors.ts';
import { RandomStream } from '../random/counter.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { mergedParameters } from './checkpoint/merge-adapter.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import { valueHeadShapes } from './families/parts/parameter-shapes.ts';
import { familyOf } from './families/registry.ts';
import type { Parameters } from './policy-engine.ts';
import type { MergedScope, TrainScope } from './vlm-config.ts';
import type { TrainedParameter } from './vlm/parameters.ts';

/**
 * Trained parameters in the order of every flat vector; the value head comes last, with hidden sizes `valueHead` if the
 * checkpoint has none. LoRA: a checkpoint's own adapter is trained as it is, on its own layers. Throws
 * `CheckpointError` when its rank or alpha differs from the configuration.
 */
export function trainedParameters(
  checkpoint: Pick<Checkpoint, 'config' | 'adapter' | 'valueHead'>,
  scope: TrainScope | MergedScope,
  valueHead: readonly number[],
): TrainedParameter[] {
  const { config } = checkpoint;
  const family = familyOf(config);
  const shapes = [...family.parameterShapes(config)].filter(([name]) => !family.isUnused(config, name));
  const policy =
    scope.kind === 'all'
      ? shapes
      : shapes
          .filter(([name, shape]) => carriesAdapter(name, shape, checkpoint, scope))
          .flatMap(([name, shape]) =>
            scope.kind === 'merged' ? [[name, shape] as const] : loraShapes(name, shape, scope.rank),
          );
  const head =
    checkpoint.valueHead === null
      ? valueHeadShapes(checkpoint.config, valueHead)
      : new Map([...checkpoint.valueHead].map(([name, { shape }]) => [name, shape]));
  return [...policy, ...head].map(([name, shape]) => ({ name, shape }));
}

/**
 * The checkpoint's values, its adapter continued (LoRA) or merged (everything trained); new LoRA matrices and value
 * heads are seeded.
 */
export function startParameters(
  checkpoint: Checkpoint,
  trained: readonly TrainedParameter[],
  seed: number,
): Float32Array {
  const { adapter, parameters, valueHead } = checkpoint;
  const merged =
    adapter === null
      ? parameters
      : mergedParameters(parameters, loaded(adapter.parameters), adapter.alpha / adapter.rank);
  const values = trained.map(({ name, shape }, index): Float32Array => {
    const start = adapter?.parameters.get(name) ?? merged.get(name) ?? valueHead?.get(name);
    if (start === undefined)
      return newParameter(name, shape, new RandomStream({ seed, purpose: 'new parameters', episode: index }));
    return 'file' in start ? readTensor(start) : start.data();
  });
  const flat = new Float32Array(values.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const value of values) {
    flat.set(value, offset);
    offset += value.length;
  }
  return flat;
}

/** The parts of a flat vector by name; they share its memory. */
export function asParameters(trained: readonly TrainedParameter[], flat: Float32Array): Parameters {
  let offset = 0;
  return new Map(
    trained.map(({ name, shape }) => {
      const data = flat.subarray(offset, (offset += elements(shape)));
      return [name, { shape, data }];
    }),
  );
}

function carriesAdapter(
  name: string,
  shape: readonly number[],
  { adapter }: Pick<Checkpoint, 'adapter'>,
  { rank, alpha, parts }: Omit<MergedScope, 'kind'>,
): boolean {
  if (adapter === null) return isLinear(name, shape) && parts.some((part) => name.startsWith(`${part}.`));
  if (adapter.rank !== rank || Math.abs(adapter.alpha - alpha) > 1e-6 * alpha)
    throw new CheckpointError(
      `${adapter.files[0]} describes an adapter of rank ${adapter.rank} and alpha ${adapter.alpha}; set model.train ` +
        `to the same, or merge the adapter`,
    );
  return adapter.parameters.has(name.replace(/weight$/, 'lora_A.weight'));
}

/** Whether a parameter is the matrix of a linear layer. */
function isLinear(name: string, shape: readonly number[]): boolean {
  return shape.length === 2 && name.endsWith('.weight') && !/embed/.test(name);
}

function loraShapes(name: string, [outputs, inputs]: readonly number[], rank: number): [string, readonly number[]][] {
  const linear = name.slice(0, -'.weight'.length);
  return [
    [`${linear}.lora_A.weight`, [rank, inputs]],
    [`${linear}.lora_B.weight`, [outputs, rank]],
  ];
}

function loaded(tensors: ReadonlyMap<string, TensorLocation>): Parameters {
  return new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: readTensor(tensor) }]));
}

/** peft's and torch's defaults: A and linear layers uniform within 1 / sqrt(inputs), B zero; biases zero. */
function newParameter(name: string, shape: readonly number[], random: RandomStream): Float32Array {
  const data = new Float32Array(elements(shape));
  if (name.endsWith('.lora_B.weight') || shape.length < 2) return data;
  const bound = 1 / Math.sqrt(shape[1]);
  return data.map(() => (2 * random.uniform() - 1) * bound);
}
