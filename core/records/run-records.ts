/**
 * A run's records in the store: one per iteration and per evaluation; and the folder of readable files that is made
 * from them.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import { mapConcurrently } from '../artifacts/map-concurrently.ts';
import { getJson } from '../artifacts/codecs.ts';
import { ArtifactError, type ArtifactRef, type ArtifactStore } from '../artifacts/store.ts';
import { folderName } from '../../configs/run-id.ts';
import type { RunConfig } from '../../configs/schema.ts';
import type { Metrics } from '../episodes/metrics.ts';
import type { ThoughtSample } from '../learner/thought-samples.ts';
import type { EvaluatePolicyResult } from './evaluation.ts';
import type { SamplesAhead, WaveRecord } from './samples.ts';
import type { TrainResult } from './train-result.ts';

/**
 * A policy merged from several of the run's checkpoints; 0: the start model. `whole`: adapted layers are whole
 * matrices, not adapters. `factorDistance`: see there; only if A and B are merged separately.
 */
export type MergedTeacher = {
  policy: ArtifactRef;
  checkpoints: number;
  whole?: true;
  factorDistance?: number | null;
};

/** An iteration as it ended. Records are the roots that keep a run's artifacts from garbage collection. */
export type IterationRecord = {
  iteration: number;
  /** When the iteration began, in milliseconds since 1970. */
  startedAt: number;
  config: RunConfig;
  /** Hash of the policy that the iteration began with: it links the records to a chain. */
  from: string;
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  corrections: ArtifactRef;
  samples: ArtifactRef;
  waves: WaveRecord[];
  /** What the next iteration will train on, if it was sampled meanwhile. */
  ahead?: SamplesAhead;
  /** Average kept steps per wave; the next iteration plans its waves by it. */
  keptPerWave: number;
  /** Its teacher, if that was merged from the run's own checkpoints. */
  teacher?: MergedTeacher;
  metrics: Metrics;
};

/** One line of metrics.jsonl. */
export type MetricsLine = Pick<IterationRecord, 'iteration' | 'metrics' | 'samples'>;

/**
 * How a run began. `startedAt`: in milliseconds since 1970. `device`: the device of the worker that opened its model,
 * once it is known, unless it is the CPU as configured.
 */
export type RunStart = { config: RunConfig; startedAt: number; device?: string };

/** How a run ended. `failure`: what went wrong, in one sentence; null where nothing did. */
export type RunOutcome = {
  status: 'done' | 'stopped' | 'canceled' | 'failed';
  failure: string | null;
  iterations: number;
  /** The result of the run; null if it did not end by itself. */
  result: TrainResult | null;
};

/** `start`: null for runs of version 0.1.0; `outcome`: null for open ones. */
export type RunRecords = {
  start: RunStart | null;
  iterations: IterationRecord[];
  evaluations: { label: string; result: EvaluatePolicyResult }[];
  outcome: RunOutcome | null;
};

/** The prefix of a run's records. */
export function recordFolder(runId: string): string {
  return `runs/${folderName(runId)}`;
}

/** Folder of a run's readable files, made from its records on demand. */
export function runFolder(home: string, runId: string): string {
  return path.join(home, 'runs', folderName(runId));
}

/**
 * A run's records in order. Iterations: the first one and its successors, each starting from the policy of the one
 * before. Iterations that a reset left behind are excluded.
 */
export async function readRunRecords(store: ArtifactStore, runId: string): Promise<RunRecords> {
  const names = await store.listRecords(recordFolder(runId));
  const read = async <T>(prefix: string) => {
    const labels = names
      .map((name) => path.posix.basename(name))
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
    return await mapConcurrently(labels, async (label) => ({
      label,
      value: (await store.getRecord<T>(`${recordFolder(runId)}/${prefix}${label}`))!,
    }));
  };
  const found = (await read<IterationRecord>('iteration-'))
    .map(({ value }) => value)
    .sort((a, b) => a.iteration - b.iteration);
  const end = found.findIndex(
    (record, index) =>
      index > 0 &&
      (record.iteration !== found[index - 1].iteration + 1 || record.from !== found[index - 1].policy.sha256),
  );
  const iterations = end < 0 ? found : found.slice(0, end);
  const evaluations = await read<EvaluatePolicyResult>('evaluation-');
  const one = async <T>(name: string) =>
    names.includes(`${recordFolder(runId)}/${name}`)
      ? ((await store.getRecord<T>(`${recordFolder(runId)}/${name}`)) ?? null)
      : null;
  const outcome = await one<RunOutcome>('outcome');
  return {
    start: await one<RunStart>('start'),
    iterations,
    evaluations: evaluations.map(({ label, value }) => ({ label, result: value })),
    outcome: outcome !== null && follows(outcome, iterations) ? outcome : null,
  };
}

/** Whether a run ended with these iterations: after a reset an earlier outcome is void. */
function follows({ iterations: count, result }: RunOutcome, iterations: readonly IterationRecord[]): boolean {
  const last = iterations.at(-1);
  return (
    count === iterations.length &&
    (result === null || last === undefined || result.policy.sha256 === last.policy.sha256)
  );
}

/** The names of everything that left records: training runs, warm starts, evaluations. */
export async function listRuns(store: ArtifactStore): Promise<string[]> {
  return [...new Set((await store.listRecords('runs')).map(runOfRecord))];
}

/** The run whose record `runs/my-run/iteration-3` is. */
export function runOfRecord(name: string): string {
  return decodeURIComponent(name.split('/')[1]);
}

export function putRunStart(store: ArtifactStore, runId: string, start: RunStart): Promise<void> {
  return store.putRecord(`${recordFolder(runId)}/start`, start);
}

export function putRunOutcome(store: ArtifactStore, runId: string, outcome: RunOutcome): Promise<void> {
  return store.putRecord(`${recordFolder(runId)}/outcome`, outcome);
}

export function putIterationRecord(store: ArtifactStore, runId: string, record: IterationRecord): Promise<void> {
  return store.putRecord(`${recordFolder(runId)}/iteration-${record.iteration}`, record);
}

export function putEvaluationRecord(
  store: ArtifactStore,
  runId: string,
  label: string,
  result: EvaluatePolicyResult,
): Promise<void> {
  return store.putRecord(`${recordFolder(runId)}/evaluation-${label}`, result);
}

/**
 * Removes everything after the first `iterations` iterations: their records, the weights that they held, the
 * evaluations of later policies, and how the run ended.
 */
export async function removeLaterRecords(store: ArtifactStore, runId: string, iterations: number): Promise<void> {
  for (const name of await store.listRecords(recordFolder(runId))) {
    const [, iteration] = /\/iteration-(\d+)$/.exec(name) ?? [];
    const [, evaluated] = /\/evaluation-iteration-(\d+)$/.exec(name) ?? [];
    if (Number(iteration) >= iterations || Number(evaluated) > iterations || /\/(evaluation-final|outcome)$/.test(name))
      await store.removeRecord(name);
  }
  for (const { run, slot, ref } of await store.holds(runId))
    if (Number(/^iteration-(\d+)$/.exec(slot)?.[1]) >= iterations) await store.release({ run, slot }, ref);
}

/** Rewrites metrics.jsonl and evaluation-<label>.json from the records, on any machine, and returns them. */
export async function writeRunFolder(store: ArtifactStore, home: string, runId: string): Promise<RunRecords> {
  const records = await readRunRecords(store, runId);
  const folder = runFolder(home, runId);
  if (records.iterations.length > 0)
    await writeDurably(path.join(folder, 'metrics.jsonl'), metricsLines(records.iterations));
  for (const { label, result } of records.evaluations) await writeEvaluation(folder, label, result);
  return records;
}

export async function writeEvaluation(folder: string, label: string, result: EvaluatePolicyResult): Promise<void> {
  await writeDurably(path.join(folder, `evaluation-${label}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

/** The thought samples of an iteration, or one sentence that says why there are none. */
export async function readSamples(store: ArtifactStore, ref: ArtifactRef): Promise<ThoughtSample[] | string> {
  try {
    return await getJson<ThoughtSample[]>(store, ref);
  } catch (error) {
    if (error instanceof ArtifactError) return error.message;
    throw error;
  }
}

/** metrics.jsonl: one line an iteration. */
export function metricsLines(lines: readonly MetricsLine[]): string {
  return lines
    .map(({ iteration, metrics, samples }) => `${JSON.stringify({ iteration, metrics, samples })}\n`)
    .join('');
}

/** The lines of a metrics.jsonl; none if there is no file yet. */
export async function readMetrics(file: string): Promise<MetricsLine[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as MetricsLine);
}
