/** Runs merges in a separate thread, so that the process stays responsive. */
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
 * `products`: merge the products of adapters. `distanceOver`: the number of elements over which to compute
 * `factorDistance`.
 */
export type MergeTask = { merge: PolicyMerge; products: AdaptedWeights | null; distanceOver: number | null };
export type MergeDone = { merged: Parameters; factorDistance: number | null };

/** Up to this many elements of all policies are merged directly: that takes less time than starting a thread. */
const AT_ONCE = 2 ** 21;

/**
 * `mergeProducts` or `mergePolicies`; larger ones, which may take minutes, run in a thread. Takes over the arrays of
 * `task`, which may be empty afterwards.
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

/** The buffers of arrays that share them with nothing else: Node's small buffers share a pool. */
export function buffersOf(all: readonly Parameters[]): ArrayBuffer[] {
  const buffers = all.flatMap((parameters) => [...parameters.values()].map(({ data }) => data.buffer as ArrayBuffer));
  return [...new Set(buffers)].filter(({ byteLength }) => byteLength > Buffer.poolSize);
}

function elementsOf(parameters: Parameters): number {
  return [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
}
