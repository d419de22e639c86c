/** Merges of any size in a thread of their own, so that the process stays responsive. */
import { Worker } from 'node:worker_threads';
import type { Parameters } from '../policy-engine.ts';
import {
  type AdaptedWeights,
  factorDistance,
  mergePolicies,
  mergeProducts,
  type PolicyMerge,
} from './merge-policies.ts';

/**
 * `products`: of adapters the products are merged. `distanceOver`: elements over which `factorDistance` is asked for.
 */
export type MergeTask = { merge: PolicyMerge; products: AdaptedWeights | null; distanceOver: number | null };
export type MergeDone = { merged: Parameters; factorDistance: number | null };

/** Elements of all policies that are merged at once: a fraction of a second, less than a thread takes to begin. */
const AT_ONCE = 2 ** 21;

/**
 * `mergeProducts` or `mergePolicies`; larger ones, which may take minutes, in a thread of their own. Takes the arrays
 * of `task`, which may be empty afterwards.
 */
export async function mergeInThread(task: MergeTask): Promise<MergeDone> {
  const { start, policies } = task.merge;
  const elements = policies.reduce((sum, policy) => sum + elementsOf(policy), 0);
  if (task.products === null && elements <= AT_ONCE) return merge(task);
  return await new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./merge-thread.ts', import.meta.url), {
      workerData: task,
      transferList: buffersOf([start, ...policies]),
    });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread that merged policies ended with code ${code}`)));
  });
}

export function merge({ merge, products, distanceOver }: MergeTask): MergeDone {
  return {
    merged: products === null ? mergePolicies(merge) : mergeProducts(merge, products),
    factorDistance: distanceOver === null ? null : factorDistance(merge, distanceOver),
  };
}

/** The memory of arrays, as far as nothing else lies in it: small ones of Node's share a pool. */
export function buffersOf(all: readonly Parameters[]): ArrayBuffer[] {
  const buffers = all.flatMap((parameters) => [...parameters.values()].map(({ data }) => data.buffer as ArrayBuffer));
  return [...new Set(buffers)].filter(({ byteLength }) => byteLength > Buffer.poolSize);
}

function elementsOf(parameters: Parameters): number {
  return [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
}
