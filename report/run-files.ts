/** What a run left for people: its metrics, evaluations and thought samples. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EvaluatePolicyResult } from '../activities/evaluate-policy.ts';
import { readMetrics } from '../activities/publish-metrics.ts';
import type { MetricsLine } from '../activities/run-records.ts';
import { getJson } from '../artifacts/codecs.ts';
import { ArtifactError, type ArtifactRef, type ArtifactStore } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { encodePng } from '../envs/drawing/png.ts';
import type { JsonState } from '../envs/env.ts';
import { gameByName } from '../envs/registry.ts';
import type { ThoughtSample } from '../learner/thought-samples.ts';

/** An evaluation after so many iterations. */
export type Evaluation = { label: string; iterationsDone: number; result: EvaluatePolicyResult };

export type RunFiles = { lines: MetricsLine[]; evaluations: Evaluation[] };

/** Metrics and evaluations in a run's folder, in their order; both empty for a run that has just begun. */
export async function readRunFiles(folder: string): Promise<RunFiles> {
  const lines = await readMetrics(path.join(folder, 'metrics.jsonl'));
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const evaluations = names.flatMap((name) => {
    const label = /^evaluation-(start|final|iteration-\d+)\.json$/.exec(name)?.[1];
    return label === undefined ? [] : [{ name, label, iterationsDone: iterationsDone(label, lines) }];
  });
  const read = evaluations.map(async ({ name, ...place }) => ({ ...place, result: JSON.parse(await readFile(path.join(folder, name), 'utf8')) as EvaluatePolicyResult }));
  return { lines, evaluations: (await Promise.all(read)).sort((a, b) => a.iterationsDone - b.iterationsDone) };
}

function iterationsDone(label: string, lines: readonly MetricsLine[]): number {
  if (label === 'start') return 0;
  return label === 'final' ? (lines.at(-1)?.iteration ?? -1) + 1 : Number(label.slice('iteration-'.length));
}

/** The thought samples of an iteration, or one sentence on why there are none. */
export async function readSamples(store: ArtifactStore, ref: ArtifactRef): Promise<ThoughtSample[] | string> {
  try {
    return await getJson<ThoughtSample[]>(store, ref);
  } catch (error) {
    if (error instanceof ArtifactError) return error.message;
    throw error;
  }
}

/** The observation of a state as a PNG of `size` x `size` pixels. */
export function drawState({ environment }: RunConfig, state: JsonState, size: number): Buffer {
  const game = gameByName(environment.name);
  return encodePng(game.fromState(state, game.parseOptions(environment.options)).observe(size));
}
