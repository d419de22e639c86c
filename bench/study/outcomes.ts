/**
 * The outcomes of the study's runs, read from their records: nothing is kept elsewhere, so tables and figures can be
 * rebuilt at any time.
 */
import type { EvaluatePolicyResult } from '../../core/records/evaluation.ts';
import { type MetricsLine, readRunRecords } from '../../core/records/run-records.ts';
import type { ArtifactStore } from '../../core/artifacts/store.ts';
import type { SuccessRate } from '../../core/learner/evaluation-part.ts';
import { wilsonInterval } from '../../core/learner/intervals.ts';
import { type Arm, type StudyGame, type StudyRun } from './arms.ts';

/** A finished run. */
export type RunOutcome = StudyRun & { lines: readonly MetricsLine[]; evaluation: EvaluatePolicyResult };

/** An arm with those of its runs that are finished, and the start's evaluation. */
export type ArmOutcome = { arm: Arm; runs: readonly RunOutcome[] };

/** Name of the evaluation of a run's last policy. */
export function evaluationId(runId: string): string {
  return `${runId}/evaluation`;
}

/** Name of the evaluation of a game's starting checkpoint. */
export function startId(game: StudyGame): string {
  return `study/${game}/start`;
}

/** The record of an evaluation; null if there is none yet. */
export async function readEvaluation(store: ArtifactStore, id: string): Promise<EvaluatePolicyResult | null> {
  return (await readRunRecords(store, id)).evaluations[0]?.result ?? null;
}

/** Finished runs, arm by arm; arms without one are left out. */
export async function readOutcomes(store: ArtifactStore, runs: readonly StudyRun[]): Promise<ArmOutcome[]> {
  const outcomes: ArmOutcome[] = [];
  for (const arm of new Set(runs.map((run) => run.arm))) {
    const finished: RunOutcome[] = [];
    for (const run of runs.filter((candidate) => candidate.arm === arm)) {
      const evaluation = await readEvaluation(store, evaluationId(run.id));
      if (evaluation !== null)
        finished.push({ ...run, lines: (await readRunRecords(store, run.id)).iterations, evaluation });
    }
    if (finished.length > 0) outcomes.push({ arm, runs: finished });
  }
  return outcomes;
}

/** Success over several evaluations of equally many episodes: pooled, with the Wilson interval of the pooled count. */
export function pooled(parts: readonly SuccessRate[]): SuccessRate {
  const episodes = parts.reduce((sum, part) => sum + part.episodes, 0);
  const successes = parts.reduce((sum, part) => sum + Math.round(part.success * part.episodes), 0);
  return { success: successes / episodes, ...wilsonInterval(successes, episodes), episodes };
}

/** Mean of a metric over the last `count` iterations of all runs; null where none measured it. */
export function lateMean(runs: readonly RunOutcome[], metric: string, count = 3): number | null {
  const values = runs.flatMap(({ lines }) => lines.slice(-count).flatMap(({ metrics }) => metrics[metric] ?? []));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sum of a metric over a run's iterations, averaged over runs. */
export function runTotal(runs: readonly RunOutcome[], metric: string): number {
  return (
    runs.reduce((sum, { lines }) => sum + lines.reduce((total, { metrics }) => total + (metrics[metric] ?? 0), 0), 0) /
    runs.length
  );
}
