/** A trained policy as folders that transformers, PEFT and later runs open. */
import path from 'node:path';
import type { Parameters } from '../policy-engine.ts';
import { loraScale, type TrainScope } from '../vlm-config.ts';
import { familyOf } from '../families/registry.ts';
import { mergedParameters } from './merge-adapter.ts';
import type { Checkpoint } from './open-checkpoint.ts';
import { writeAdapter, writeCheckpoint, writeValueHead } from './write-checkpoint.ts';

/**
 * Writes the checkpoint with the trained parameters put in, as one model in Hugging Face format, and the value head
 * beside it.
 */
export async function writeMerged(
  folder: string,
  checkpoint: Checkpoint,
  trained: Parameters,
  scope: TrainScope,
): Promise<void> {
  await writeValueHead(folder, trained);
  await writeCheckpoint(folder, checkpoint.config, mergedParameters(checkpoint.parameters, trained, loraScale(scope)), {
    source: checkpoint.folder,
  });
}

/** Writes `merged/`, and where adapters were trained `adapter/` in PEFT's format. Returns the folders. */
export async function exportPolicy(
  out: string,
  checkpoint: Checkpoint,
  trained: Parameters,
  scope: TrainScope,
): Promise<string[]> {
  const [adapter, merged] = ['adapter', 'merged'].map((name) => path.join(out, name));
  if (scope.kind === 'lora') {
    await writeValueHead(adapter, trained);
    await writeAdapter(adapter, {
      names: familyOf(checkpoint.config).names,
      matrices: trained,
      ...scope,
      baseModel: path.resolve(checkpoint.folder),
    });
  }
  await writeMerged(merged, checkpoint, trained, scope);
  return scope.kind === 'lora' ? [adapter, merged] : [merged];
}
