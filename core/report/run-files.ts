/** A run's readable files: its metrics and evaluations. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EvaluatePolicyResult } from '../records/evaluation.ts';
import { readMetrics } from '../records/run-records.ts';
import type { MetricsLine } from '../records/run-records.ts';

/** An evaluation after some iterations. */
export type Evaluation = { label: string; iterationsDone: number; result: EvaluatePolicyResult };

export type RunFiles = { lines: MetricsLine[]; evaluations: Evaluation[] };

/** Metrics and evaluations in a run's folder, in order; both empty for a run that has just begun. */
export async function readRunFiles(folder: string): Promise<RunFiles> {
  const lines = await readMetrics(path.join(folder, 'metrics.jsonl'));
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const labels = names.flatMap((name) => /^evaluation-(.+)\.json$/.exec(name)?.[1] ?? []);
  const read = labels.map(async (label) => ({
    label,
    result: JSON.parse(await readFile(path.join(folder, `evaluation-${label}.json`), 'utf8')) as EvaluatePolicyResult,
  }));
  return { lines, evaluations: inOrder(await Promise.all(read), lines) };
}

/** The evaluations of a run's own policies, in order. */
export function inOrder(
  evaluations: readonly { label: string; result: EvaluatePolicyResult }[],
  lines: readonly Pick<MetricsLine, 'iteration'>[],
): Evaluation[] {
  const placed = evaluations
    .filter(({ label }) => /^(start|final|iteration-\d+)$/.test(label))
    .map(({ label, result }) => ({ label, iterationsDone: iterationsDone(label, lines), result }));
  return placed.sort((a, b) => a.iterationsDone - b.iterationsDone);
}

function iterationsDone(label: string, lines: readonly Pick<MetricsLine, 'iteration'>[]): number {
  if (label === 'start') return 0;
  return label === 'final' ? (lines.at(-1)?.iteration ?? -1) + 1 : Number(label.slice('iteration-'.length));
}
