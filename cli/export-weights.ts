/**
 * The weights of a run as folders for other programs and later runs: the trained adapter, and the model with it merged.
 */
import type { Client } from '@temporalio/client';
import { modelFolder } from '../configs/project-folder.ts';
import { getTrained } from '../core/records/policy-state.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { exportPolicy } from '../core/policy/checkpoint/export-policy.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import type { Progress } from '../workflows/run-contract.ts';
import { UsageError } from './errors.ts';
import type { KnownRun } from './read-run.ts';

/**
 * Writes `adapter/` (where adapters were trained) and `merged/` under `out`, each with its value head; returns the
 * folders.
 */
export async function exportWeights(
  client: Client,
  runId: string,
  { config: { model }, records, store }: KnownRun,
  out: string,
): Promise<string[]> {
  const policy = records.iterations.at(-1)?.policy ?? (await firstPolicy(client, runId));
  const checkpoint = openCheckpoint(
    modelFolder(model.base),
    model.adapter === null ? null : modelFolder(model.adapter),
  );
  return await exportPolicy(out, checkpoint, await getTrained(store, policy), model.train);
}

/** The policy of a run before its first iteration is done. */
async function firstPolicy(client: Client, runId: string): Promise<ArtifactRef> {
  const { policy } = await client.workflow.getHandle(runId).query<Progress>('progress');
  if (policy === null) throw new UsageError(`Run ${runId} has no policy yet; wait until it has opened its model.`);
  return policy;
}
