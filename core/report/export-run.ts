/** Exports a run as files that other programs read. */
import path from 'node:path';
import { metricsLines, type RunRecords, writeEvaluation } from '../records/run-records.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { exportCorrections } from './export-corrections.ts';
import { writeTensorBoard } from './write-tensorboard.ts';

export type ExportRunInput = {
  /** Folder to write. */
  out: string;
  config: RunConfig;
  startedAt: Date;
  records: RunRecords;
  store: ArtifactStore;
};

/**
 * Writes config.json, metrics.jsonl, evaluations, TensorBoard events, and, from the last whole iteration, the
 * optimizer, the trained parameters and all correction rows with their pictures; returns the paths. `exportPolicy`
 * writes weights as checkpoint folders.
 */
export async function exportRun({ out, config, startedAt, records, store }: ExportRunInput): Promise<string[]> {
  const at = (name: string) => path.join(out, name);
  const written = [at('config.json'), at('metrics.jsonl')];
  await writeDurably(at('config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await writeDurably(at('metrics.jsonl'), metricsLines(records.iterations));
  for (const { label, result } of records.evaluations) {
    await writeEvaluation(out, label, result);
    written.push(at(`evaluation-${label}.json`));
  }
  written.push(...(await writeTensorBoard({ out: at('tensorboard'), records, store, startedAt })));
  const last = records.iterations.at(-1);
  if (last === undefined) return written;
  for (const name of ['policy', 'optimizer'] as const) {
    await writeDurably(at(`${name}.safetensors`), await store.get(last[name]));
    written.push(at(`${name}.safetensors`));
  }
  await exportCorrections({ out, config, store, corrections: last.corrections });
  return [...written, at('corrections.jsonl'), at('images')];
}
