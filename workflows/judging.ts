/** Judges the waves of an iteration: a free teacher judges whole waves, a paid one only as far as needed. */
import { type ChildWorkflowHandle, startChild } from '@temporalio/workflow';
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import type { RunConfig } from '../configs/schema.ts';
import { activitiesOn } from './activities-on.ts';
import type { PauseGate } from './control.ts';
import { type CarriedWave, correctWave, type CorrectWaveResult, sampledSignal } from './correct-wave.ts';

/**
 * `sample`: samples a wave, or continues one. `onKept`: called with the number of newly kept steps. `onJudged`: called
 * for a wave that is sampled to its end, with its judging and the kept steps that earlier waves leave missing.
 * `onQueued`: called with the first wave once no planned wave is waiting any more, if waves are sampled at once.
 */
export type SamplingContext = {
  runId: string;
  config: RunConfig;
  iteration: number;
  gate: PauseGate;
  sample: (wave: number, soFar: RolloutWaveResult | undefined) => Promise<RolloutWaveResult>;
  onKept: (steps: number) => void;
  onJudged?: (
    wave: RolloutWaveResult,
    judged: () => Promise<CorrectWaveResult>,
    missing: () => Promise<number>,
  ) => void;
  onQueued?: (firstWave: RolloutWaveResult) => void;
};

/** The judging of one wave. */
export interface Judging {
  /** Whether judging has begun. */
  readonly begun: boolean;
  /** More of the wave is sampled. `missing`: kept steps that earlier waves do not supply. */
  heed(part: RolloutWaveResult, missing: () => Promise<number>): Promise<void>;
  /** Kept steps of the whole wave: as judged, or before that as the exact solver would keep them. */
  expectedSteps(): Promise<number>;
  /** Judges until `needed` steps are kept or the wave ends; returns the number of kept steps. */
  judge(needed: number): Promise<number>;
  /** The result of judging, once no question is open. */
  settled(): Promise<CorrectWaveResult>;
}

/** A free teacher is instant: a whole wave is one activity. */
export class FreeJudging implements Judging {
  readonly #context: SamplingContext;
  readonly #wave: number;
  #result: Promise<CorrectWaveResult> | null = null;

  constructor(context: SamplingContext, wave: number) {
    this.#context = context;
    this.#wave = wave;
  }

  get begun(): boolean {
    return this.#result !== null;
  }

  async heed(wave: RolloutWaveResult): Promise<void> {
    if (!wave.over) return;
    const { config, iteration, onKept } = this.#context;
    const { correctEpisodesLocally } = activitiesOn('corrector', config, `judge wave ${this.#wave}`);
    this.#result = correctEpisodesLocally({ config, iteration, wave });
    this.#result.then(({ keptSteps }) => onKept(keptSteps)).catch(() => {}); // whoever awaits it gets the failure
  }

  async expectedSteps(): Promise<number> {
    return (await this.settled()).keptSteps;
  }

  judge(): Promise<number> {
    return this.expectedSteps();
  }

  async settled(): Promise<CorrectWaveResult> {
    return await this.#result!;
  }
}

/** A paid teacher is asked thought by thought, by a child workflow that runs while the wave is sampled. */
export class PaidJudging implements Judging {
  readonly #context: SamplingContext;
  readonly #index: number;
  #wave: RolloutWaveResult | null = null;
  #child: Promise<ChildWorkflowHandle<typeof correctWave>> | null = null;
  #told: Promise<void> = Promise.resolve();
  #result: Promise<CorrectWaveResult> | null = null;
  #kept = 0;
  #expected: Promise<number> | null = null;

  constructor(context: SamplingContext, index: number) {
    this.#context = context;
    this.#index = index;
  }

  get begun(): boolean {
    return this.#result !== null;
  }

  async heed(part: RolloutWaveResult, missing: () => Promise<number>): Promise<void> {
    this.#wave = part;
    if (this.#child !== null) {
      const child = this.#child;
      // In order; a failed child reports it by its result.
      this.#told = this.#told.then(async () => (await child).signal(sampledSignal, part)).catch(() => {});
    } else {
      const needed = await missing();
      if (needed > 0) this.#begin(needed);
    }
    if (!part.over) return;
    this.#expected = this.#estimate(part);
    this.#expected.catch(() => {}); // as above
  }

  async expectedSteps(): Promise<number> {
    return await this.#expected!;
  }

  async judge(needed: number): Promise<number> {
    if (this.#result === null) this.#begin(needed);
    let result = await this.#result!;
    const carried = carriedOf(result);
    if (carried !== undefined && result.keptSteps < needed) {
      this.#begin(needed, carried);
      result = await this.#result!;
    }
    if (carriedOf(result) === undefined) this.#expected = Promise.resolve(result.keptSteps);
    return result.keptSteps;
  }

  async settled(): Promise<CorrectWaveResult> {
    return await this.#result!;
  }

  #begin(needed: number, carried?: CarriedWave): void {
    this.#result = this.#ask(needed, carried);
    this.#result
      .then(({ keptSteps }) => {
        this.#context.onKept(keptSteps - this.#kept);
        this.#kept = keptSteps;
      })
      .catch(() => {}); // whoever awaits it gets the failure
  }

  async #ask(needed: number, carried: CarriedWave | undefined): Promise<CorrectWaveResult> {
    const { config, iteration, runId, gate } = this.#context;
    const { paused } = gate;
    this.#child = startChild(correctWave, {
      workflowId: `${runId}/iteration-${iteration}/wave-${this.#index}`,
      args: [{ config, iteration, wave: this.#wave!, runId, needed, paused, carried }],
      staticSummary: `judge wave ${this.#index}`,
    });
    const handle = await this.#child;
    return await gate.forwardTo(handle, paused, handle.result());
  }

  /**
   * Kept steps according to the exact solver, which is free. Histories of version 0.1.0 have it in the result of
   * sampling.
   */
  async #estimate(wave: RolloutWaveResult & { likelySteps?: number | null }): Promise<number> {
    if (typeof wave.likelySteps === 'number') return wave.likelySteps;
    const { config, iteration } = this.#context;
    const { estimateKeptSteps } = activitiesOn(
      'orchestrator',
      config,
      `wave ${this.#index}: steps that are likely kept`,
    );
    return await estimateKeptSteps({ config, iteration, wave });
  }
}

/** Histories of version 0.1.0 call it `further`. */
function carriedOf(result: CorrectWaveResult & { further?: CarriedWave }): CarriedWave | undefined {
  return result.carried ?? result.further;
}
