/** TIES merges of policies of one run: as a policy that the run's own engine opens, and as a checkpoint folder. */
import { readTensor, type TensorLocation } from '../../graph/safetensors.ts';
import { RandomStream } from '../../random/counter.ts';
import type { Parameters } from '../policy-engine.ts';
import { linearMerge, tiesMerge } from '../ties-merge.ts';
import { loraScale, type TrainScope } from '../vlm-config.ts';
import { matrixProduct } from './merge-adapter.ts';
import type { Checkpoint } from './open-checkpoint.ts';
import { type WrittenParameter, writeCheckpoint, writeValueHead } from './write-checkpoint.ts';

/**
 * `policies`: oldest first, with the names and shapes of `start`; `weights`: one each; `density`: see `tiesMerge`.
 */
export type PolicyMerge = {
  start: Parameters;
  policies: readonly Parameters[];
  weights: readonly number[];
  density: number;
  /** `linear`: the weighted mean of the changes, untrimmed and without election; by default TIES. */
  method?: 'ties' | 'linear';
};

/**
 * Merges each trained tensor separately. With LoRA these are A and B: the result is an adapter, which the run's own
 * engine opens, but not exactly the merge of the products B A (`mergeProducts`, `factorDistance`).
 */
export function mergePolicies({ start, policies, weights, density, method = 'ties' }: PolicyMerge): Parameters {
  return new Map(
    [...start].map(([name, { shape, data }]) => {
      const checkpoints = policies.map((policy) => policy.get(name)!.data);
      const tensor = { start: data, checkpoints, weights, density };
      return [name, { shape, data: Float32Array.from(method === 'ties' ? tiesMerge(tensor) : linearMerge(tensor)) }];
    }),
  );
}

/** Locations of the weights of adapted layers, by canonical name, and the factor of their B A. */
export type AdaptedWeights = { weights: ReadonlyMap<string, TensorLocation>; scale: number };

/**
 * The merge of LoRA policies as whole matrices: for each adapted layer its weight plus the merged changes scale B A,
 * and everything else that is trained. A policy may itself be such a merge.
 */
export function mergeProducts(merge: PolicyMerge, { weights, scale }: AdaptedWeights): Parameters {
  const whole = adaptedLayers(merge.start).map((linear) => {
    const name = `${linear}.weight`;
    const { shape, ...location } = weights.get(name)!;
    const weight = readTensor({ shape, ...location });
    return [name, { shape, data: sum(weight, mergedChange(merge, linear, scale, weight)) }] as const;
  });
  return new Map([...whole, ...mergePolicies(withoutAdapters(merge))]);
}

/**
 * Distance between the merge of A and B and the merge of the products: the Frobenius norm of the difference over
 * adapted layers, relative to the norm of the change in the merge of products; null without adapters. `most`: limits
 * the elements of the layers that are compared, a seeded choice of at least one; default: all.
 */
export function factorDistance(merge: PolicyMerge, most = Infinity): number | null {
  const factors = mergePolicies(merge);
  let [difference, change] = [0, 0];
  for (const linear of someLayers(merge.start, most)) {
    const exact = mergedChange(merge, linear, 1);
    const [start, apart] = [productOf(merge.start, linear, 1), productOf(factors, linear, 1)];
    for (let index = 0; index < exact.length; index++) {
      difference += (apart[index] - exact[index]) ** 2;
      change += (exact[index] - start[index]) ** 2;
    }
  }
  return change === 0 ? null : Math.sqrt(difference / change);
}

/**
 * Writes the merge as one model in Hugging Face format, with its value head beside it. With LoRA the products scale B A
 * of each layer are merged, and the merge has full rank; a matrix is in memory only while it is written.
 */
export async function writeMergedPolicies(
  folder: string,
  checkpoint: Checkpoint,
  merge: PolicyMerge,
  scope: TrainScope,
): Promise<void> {
  const adapted = new Set(adaptedLayers(merge.start));
  const merged = mergePolicies(withoutAdapters(merge));
  const parameters = [...checkpoint.parameters].map(([name, location]): [string, WrittenParameter] => {
    const trained = merged.get(name);
    if (trained !== undefined) return [name, { dtype: 'F32', shape: location.shape, data: () => trained.data }];
    const linear = name.slice(0, -'.weight'.length);
    if (!adapted.has(linear)) return [name, location];
    const data = () => sum(readTensor(location), mergedChange(merge, linear, loraScale(scope)));
    return [name, { dtype: location.dtype as 'F32', shape: location.shape, data }];
  });
  await writeValueHead(folder, merged);
  await writeCheckpoint(folder, checkpoint.config, new Map(parameters), { source: checkpoint.folder });
}

function withoutAdapters(merge: PolicyMerge): PolicyMerge {
  return { ...merge, start: new Map([...merge.start].filter(([name]) => !/\.lora_[AB]\.weight$/.test(name))) };
}

function adaptedLayers(trained: Parameters): string[] {
  const suffix = '.lora_A.weight';
  return [...trained.keys()].flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []));
}

function someLayers(trained: Parameters, most: number): string[] {
  const layers = adaptedLayers(trained);
  if (most === Infinity) return layers;
  let left = most;
  return new RandomStream({ seed: 1, purpose: 'layers that are looked at' })
    .shuffled(layers)
    .filter((linear, index) => {
      const [[, inputs], [outputs]] = ['A', 'B'].map((part) => trained.get(`${linear}.lora_${part}.weight`)!.shape);
      left -= inputs * outputs;
      return index === 0 || left >= 0;
    });
}

/**
 * The merged change scale B A of one layer; `weight`: the layer's own weight, needed where a policy has whole matrices.
 * [outputs * inputs]
 */
function mergedChange(
  { start, policies, weights, density, method = 'ties' }: PolicyMerge,
  linear: string,
  scale: number,
  weight?: Float32Array,
): Float64Array {
  const checkpoints = policies.map((policy) => {
    const whole = policy.get(`${linear}.weight`);
    return whole === undefined ? productOf(policy, linear, scale) : difference(whole.data, weight!);
  });
  const tensor = { start: productOf(start, linear, scale), checkpoints, weights, density };
  return method === 'ties' ? tiesMerge(tensor) : linearMerge(tensor);
}

function productOf(policy: Parameters, linear: string, scale: number): Float64Array {
  const [a, b] = [policy.get(`${linear}.lora_A.weight`)!, policy.get(`${linear}.lora_B.weight`)!];
  return matrixProduct(b, a, scale);
}

/** Rounded once. */
function sum(one: Float32Array, other: Float64Array): Float32Array {
  return one.map((value, index) => value + other[index]);
}

function difference(one: Float32Array, other: Float32Array): Float64Array {
  return Float64Array.from(one, (value, index) => value - other[index]);
}
