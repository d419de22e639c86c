/** The interface of a run: its queries, signals and updates, its progress and its result. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { CorrectorCounts } from '../core/episodes/corrector-counts.ts';
import type { IterationSummary } from './train-state.ts';

export type RunStatus = 'preparing' | 'running' | 'paused' | 'evaluating' | 'done' | 'stopped' | 'canceled';

/**
 * The answer of the `progress` query; `policy`: after the last whole iteration. `halted`: why the run paused by itself
 * and what to do, else null. `device`: the device of the worker that opened the model, unless it is the CPU as
 * configured. `corrector`: cost of judging so far, with the reports of the running iteration.
 */
export type Progress = {
  status: RunStatus;
  iteration: number;
  iterations: number;
  envSteps: number;
  envStepsInAll: number;
  phase: string;
  halted: string | null;
  corrector: CorrectorCounts;
  summaries: IterationSummary[];
  policy: ArtifactRef | null;
  device: string | null;
};

export const progressQuery = defineQuery<Progress>('progress');
/**
 * Metrics of the last whole iteration (spec.md section 9); null before the first. The whole series is in metrics.jsonl.
 */
export const metricsQuery = defineQuery<Record<string, number | null> | null>('metrics');
/** `finish`: after the running iteration; `now`: drop it. */
export const stopSignal = defineSignal<['finish' | 'now']>('stop');
/** The live settings (configs/live-settings.ts) and their values. */
export const settingsQuery = defineQuery<Record<string, unknown>>('settings');
/**
 * Changes live settings (field -> value) from the next iteration on; answers with the new values. An invalid value is
 * refused with one sentence.
 */
export const setUpdate = defineUpdate<Record<string, unknown>, [Record<string, unknown>]>('set');
