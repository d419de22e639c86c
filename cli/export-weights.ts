/** The weights of a run as folders for other programs and later runs: the trained adapter, and the model with it merged. */
import type { Client } from '@temporalio/client';
import { modelFolder } from '../activities/agent-cache.ts';
import { getTrained } from '../activities/policy-state.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import { exportPolicy } from '../policy/checkpoint/export-policy.ts';
import { openCheckpoint } from '../policy/checkpoint/open-checkpoint.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { Progress, TrainResult } from '../workflows/train.ts';
import { UsageError } from './errors.ts';
import { runConfigOf } from './run-config.ts';

/** Writes `adapter/` (where adapters were trained) and `merged/` under `out`, each with its value head; returns the folders. */
export async function exportWeights(client: Client, runId: string, out: string): Promise<string[]> {
  const policy = await policyOf(client, runId);
  const { model } = await runConfigOf(client, runId);
  const { store } = activityDependencies();
  const checkpoint = openCheckpoint(modelFolder(model.base), model.adapter === null ? null : modelFolder(model.adapter));
  return await exportPolicy(out, checkpoint, await getTrained(store, policy), model.train);
}

/** The policy after a run's last whole iteration. */
async function policyOf(client: Client, runId: string): Promise<ArtifactRef> {
  const handle = client.workflow.getHandle(runId);
  const { status } = await handle.describe();
  const policy = status.name === 'COMPLETED' ? ((await handle.result()) as TrainResult).policy : (await handle.query<Progress>('progress')).policy;
  if (policy === null) throw new UsageError(`Run ${runId} has no policy yet; wait until it has opened its model.`);
  return policy;
}
