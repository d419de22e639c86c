/**
 * The weights of a run as folders for other programs and later runs: the trained adapter, and the merged model.
 */
import { modelFolder } from '../configs/project-folder.ts';
import { getTrained } from '../core/records/policy-state.ts';
import { exportPolicy } from '../core/policy/checkpoint/export-policy.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { UsageError } from './errors.ts';
import type { KnownRun } from './read-run.ts';

/**
 * Writes `adapter/` (where adapters were trained) and `merged/` under `out`, each with its value head; returns the
 * folders.
 */
export async function exportWeights(
  runId: string,
  { config: { model }, records, store, progress }: KnownRun,
  out: string,
): Promise<string[]> {
  const policy = records.iterations.at(-1)?.policy ?? progress?.policy;
  if (policy === undefined || policy === null)
    throw new UsageError(`Run ${runId} has no policy yet; wait until it has opened its model.`);
  const checkpoint = openCheckpoint(
    modelFolder(model.base),
    model.adapter === null ? null : modelFolder(model.adapter),
  );
  return await exportPolicy(out, checkpoint, await getTrained(store, policy), model.train);
}
