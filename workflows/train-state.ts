/** The state that a run carries from iteration to iteration, and from one execution to the next. */
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import type { SamplesAhead } from '../core/records/samples.ts';
import type { AlarmState } from './collapse-alarm.ts';
import type { IterationResult } from './iteration.ts';

/** An iteration's summary in the run's own state: enough for a table row. */
export type IterationSummary = {
  iteration: number;
  success: number;
  reward: number;
  correctedRate: number;
  episodes: number;
  seconds: number;
};

export type TrainState = {
  iteration: number;
  envSteps: number;
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  corrections: ArtifactRef | null;
  correctionRows: number;
  corrector: CorrectorCounts;
  keptPerWave: number | null;
  /** Samples for the next iteration, made while the last one updated (`rollout.ahead`). */
  ahead?: SamplesAhead;
  /** Hash of the starting checkpoint's files; null in a fork whose model has not been opened yet. */
  modelSha256: string | null;
  startEvaluation: EvaluatePolicyResult | null;
  summaries: IterationSummary[];
  paused: boolean;
  /** Search attributes that the server knows. */
  searchAttributes: string[];
  /** Why the run paused by itself; null when it did not. */
  halted: string | null;
  /** The device of the worker that opened the model, unless it is the CPU as configured. */
  device?: string;
  /** States of the rules of `collapse.alarm`; version 0.1.0 has none. */
  alarms?: AlarmState[];
};

/** The state before the first iteration. */
export function initialState(
  { policy, optimizer, modelSha256, device }: Pick<TrainState, 'policy' | 'optimizer' | 'modelSha256' | 'device'>,
  searchAttributes: string[],
): TrainState {
  return {
    iteration: 0,
    envSteps: 0,
    policy,
    optimizer,
    corrections: null,
    correctionRows: 0,
    corrector: NO_COUNTS,
    keptPerWave: null,
    modelSha256,
    startEvaluation: null,
    summaries: [],
    paused: false,
    searchAttributes,
    halted: null,
    ...(device === undefined ? {} : { device }),
  };
}

/** What the state takes from an iteration. */
type Finished = Pick<
  IterationResult,
  'policy' | 'optimizer' | 'corrections' | 'corrector' | 'keptPerWave' | 'ahead' | 'metrics' | 'seconds'
>;

/** The state after one more iteration of `envSteps` kept steps. */
export function advance(state: TrainState, result: Finished, envSteps: number): TrainState {
  const { metrics } = result;
  const number = (name: string) => metrics[name] ?? 0;
  return {
    ...state,
    iteration: state.iteration + 1,
    envSteps: state.envSteps + envSteps,
    policy: result.policy,
    optimizer: result.optimizer,
    corrections: result.corrections,
    correctionRows: number('corrections/rows'),
    corrector: addCounts(state.corrector, result.corrector),
    keptPerWave: result.keptPerWave,
    ahead: result.ahead,
    summaries: [
      ...state.summaries,
      {
        iteration: state.iteration,
        success: number('episode/success'),
        reward: number('episode/reward/mean'),
        correctedRate: number('thought/correctedRate'),
        episodes: number('episode/count'),
        seconds: Math.round(result.seconds * 100) / 100,
      },
    ],
  };
}
