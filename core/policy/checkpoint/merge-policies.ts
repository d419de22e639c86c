/** TIES merges of policies of one run: as a policy that the run's own engine opens, and as a checkpoint folder. */
import { readTensor, type TensorLocation } from '../../graph/safetensors.ts';
import type { Parameters } from '../policy-engine.ts';
import { linearMerge, tiesMerge } from '../ties-merge.ts';
import { loraScale, type TrainScope } from '../vlm-config.ts';
import { matrixProduct } from './merge-adapter.ts';
import type { Checkpoint } from './open-checkpoint.ts';
import { type WrittenParameter, writeCheckpoint, writeValueHead } from './write-checkpoint.ts';

/** `policies`: oldest first, of the same names and shapes as `start`; `weights`: one each; `density`: see `tiesMerge`. */
export type PolicyMerge = {
  start: Parameters;
  policies: readonly Parameters[];
  weights: readonly number[];
  density: number;
  /** `linear`: the weighted mean of the changes, untrimmed and without election; by default TIES. */
  method?: 'ties' | 'linear';
};

/**
 * Merges each trained tensor by itself. Of LoRA these are A and B apart: an adapter again, which the run's own engine
 * opens, but not quite the merge of the products B A (`factorDistance`).
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

/**
 * How far the merge of A and B apart lies from the merge of the products: Frobenius norm of the difference over all
 * adapted layers, relative to that of the change which the products' merge makes; null without adapters.
 */
export function factorDistance(merge: PolicyMerge): number | null {
  const factors = mergePolicies(merge);
  let [difference, change] = [0, 0];
  for (const linear of adaptedLayers(merge.start)) {
    const exact = mergedProduct(merge, linear, 1);
    const [start, apart] = [productOf(merge.start, linear, 1), productOf(factors, linear, 1)];
    for (const [index, value] of exact.entries()) {
      difference += (apart[index] - value) ** 2;
      change += (value - start[index]) ** 2;
    }
  }
  return change === 0 ? null : Math.sqrt(difference / change);
}

/**
 * Writes the merge as one model in Hugging Face format, with its value head beside it. Of LoRA the product scale B A of
 * each layer is merged, which is of full rank; a matrix is in memory only while it is written.
 */
export async function writeMergedPolicies(
  folder: string,
  checkpoint: Checkpoint,
  merge: PolicyMerge,
  scope: TrainScope,
): Promise<void> {
  const adapted = new Set(adaptedLayers(merge.start));
  const whole = new Map([...merge.start].filter(([name]) => !/\.lora_[AB]\.weight$/.test(name)));
  const merged = mergePolicies({ ...merge, start: whole });
  const parameters = [...checkpoint.parameters].map(([name, location]): [string, WrittenParameter] => {
    const trained = merged.get(name);
    if (trained !== undefined) return [name, { dtype: 'F32', shape: location.shape, data: () => trained.data }];
    const linear = name.slice(0, -'.weight'.length);
    if (!adapted.has(linear)) return [name, location];
    const data = () => addTo(location, mergedProduct(merge, linear, loraScale(scope)));
    return [name, { dtype: location.dtype as 'F32', shape: location.shape, data }];
  });
  await writeValueHead(folder, merged);
  await writeCheckpoint(folder, checkpoint.config, new Map(parameters), { source: checkpoint.folder });
}

function adaptedLayers(trained: Parameters): string[] {
  const suffix = '.lora_A.weight';
  return [...trained.keys()].flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []));
}

/** The merge of scale B A of one layer. [outputs * inputs] */
function mergedProduct({ start, policies, weights, density }: PolicyMerge, linear: string, scale: number) {
  const checkpoints = policies.map((policy) => productOf(policy, linear, scale));
  return tiesMerge({ start: productOf(start, linear, scale), checkpoints, weights, density });
}

function productOf(policy: Parameters, linear: string, scale: number): Float64Array {
  const [a, b] = [policy.get(`${linear}.lora_A.weight`)!, policy.get(`${linear}.lora_B.weight`)!];
  return matrixProduct(b, a, scale);
}

function addTo(location: TensorLocation, change: Float64Array): Float32Array {
  return readTensor(location).map((value, index) => value + change[index]);
}
