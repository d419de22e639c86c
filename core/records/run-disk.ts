/**
 * The disk space of a run's store: the verbs that start runs, and the worker that begins one, check the same plan.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { modelFolder, PROJECT } from '../../configs/project-folder.ts';
import { ConfigError, type RunConfig, type SftConfig } from '../../configs/schema.ts';
import { freeSpace, nearestFolder } from '../artifacts/free-space.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { elements } from '../graph/tensor.ts';
import { type Checkpoint, openCheckpoint } from '../policy/checkpoint/open-checkpoint.ts';
import { newModelConfig } from '../policy/new-checkpoint.ts';
import { familyOf } from '../policy/families/registry.ts';
import type { MergedScope, TrainScope } from '../policy/vlm-config.ts';
import { trainedParameters } from '../policy/trained-parameters.ts';
import { type DiskPlan, runDiskPlan, sftDiskPlan } from './disk-plan.ts';
import { megabytes } from '../artifacts/megabytes.ts';

/** A plan, and the bytes that are free in `location`; null: S3, whose free space is unknown. */
export type Disk = DiskPlan & { location: string; free: number | null };

/** `checkpoint`: the one that `config.model` names. Throws `CheckpointError` if it cannot be used. */
export function diskOfRun(config: RunConfig, store: ArtifactStore, checkpoint = openModel(config)): Disk {
  const { train, valueHead } = config.model;
  const elementsOf = (scope: TrainScope | MergedScope) => count(trainedParameters(checkpoint, scope, valueHead));
  const isProduct = train.kind === 'lora' && config.turbo.merge.adapters === 'product';
  const teacher = elementsOf(isProduct ? { ...train, kind: 'merged' } : train);
  return withFreeSpace(runDiskPlan(config, { trained: elementsOf(train), teacher }), store);
}

/** `out`: where the checkpoint is written. */
export function diskOfSft(config: SftConfig, store: ArtifactStore, out: string): Disk {
  const { base, adapter, train, valueHead } = config.model;
  const model =
    base === null
      ? { config: newModelConfig(config.model), adapter: null, valueHead: null }
      : openModel({ model: { base, adapter } });
  const weights =
    'parameters' in model
      ? [...model.parameters.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
      : 4 *
        [...familyOf(model.config).parameterShapes(model.config).values()].reduce(
          (sum, shape) => sum + elements(shape),
          0,
        );
  const written = isOnDisk(store.location, path.resolve(PROJECT, out)) ? weights : 0;
  return withFreeSpace(sftDiskPlan(config, count(trainedParameters(model, train, valueHead)), written), store);
}

function openModel({ model }: { model: Pick<RunConfig['model'], 'base' | 'adapter'> }): Checkpoint {
  return openCheckpoint(modelFolder(model.base), model.adapter === null ? null : modelFolder(model.adapter));
}

function count(parameters: readonly { shape: readonly number[] }[]): number {
  return parameters.reduce((sum, { shape }) => sum + elements(shape), 0);
}

function withFreeSpace(plan: DiskPlan, { location }: ArtifactStore): Disk {
  return { ...plan, location, free: freeSpace(location) };
}

/** Whether two locations share a disk. */
function isOnDisk(one: string, other: string): boolean {
  const [a, b] = [one, other].map(nearestFolder);
  return a !== null && b !== null && statSync(a).dev === statSync(b).dev;
}

/** Half a sentence of text. */
export function diskText({ parts, most, left, free, location }: Disk): string {
  const largest = [...parts].sort((a, b) => b.bytes - a.bytes);
  return (
    `up to ${megabytes(most)} ` +
    `(${largest.map(({ what, bytes }) => `${what} ${megabytes(bytes)}`).join(', ')}), ${megabytes(left)} ` +
    'when done; ' +
    `${free === null ? `the free space of ${location} is unknown` : `${megabytes(free)} are free in ${location}`}`
  );
}

/** One sentence without its full stop where the run does not fit; else null. */
export function diskMisfit(disk: Disk): string | null {
  if (disk.free === null || disk.most <= disk.free) return null;
  return (
    `the run takes ${diskText(disk)}; free some (\`./gtr gc\` shows what no run needs), set GTR_STORE to a larger ` +
    `disk, ${disk.remedies.slice(0, -1).join(', ')}${disk.remedies.length > 1 ? ', or ' : 'or '}${disk.remedies.at(-1)}`
  );
}

/** Throws `ConfigError` if a run exceeds the free space. */
export function checkDisk(disk: Disk): void {
  const reason = diskMisfit(disk);
  if (reason !== null) throw new ConfigError(`No room: ${reason}.`);
}
