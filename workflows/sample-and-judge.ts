/**
 * The first half of an iteration: waves of episodes sampled one after another, judged meanwhile, until enough of their
 * steps are kept.
 */
import { type ChildWorkflowHandle, startChild, workflowInfo } from '@temporalio/workflow';
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import type { WaveRecord } from '../core/records/run-records.ts';
import { type RunConfig } from '../configs/schema.ts';
import { asksPaidTeacher } from '../configs/teachers.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { activitiesOn } from './activities-on.ts';
import type { PauseGate } from './control.ts';
import { type CarriedWave, correctWave, type CorrectWaveResult, sampledSignal } from './correct-wave.ts';

export type JudgedWave = { wave: RolloutWaveResult; judged: CorrectWaveResult };

/**
 * `waves`: those that are trained on. `sampledWaves`: also those that turned out not to be needed. `records`: of all
 * that were judged. `corrector`: what judging them took. `keptPerWave`: on average.
 */
export type SampledAndJudged = {
  waves: JudgedWave[];
  sampledWaves: RolloutWaveResult[];
  records: WaveRecord[];
  corrector: CorrectorCounts;
  keptPerWave: number;
};

/** `sample`: samples a wave, or goes on with one. `onKept`: is told how many kept steps there are. */
export type SamplingPlace = {
  runId: string;
  config: RunConfig;
  iteration: number;
  gate: PauseGate;
  sample: (wave: number, soFar: RolloutWaveResult | undefined) => Promise<RolloutWaveResult>;
  onKept: (steps: number) => void;
};

/**
 * Waves one after another, each judged while it and the next are sampled. As many as should suffice, by what waves held
 * so far or by what the exact solver would keep, are sampled without waiting for verdicts; then, if they did not
 * suffice, as many more. So that the GPU need not wait for this workflow, a wave is queued while another is sampled,
 * once the one before that is judged (of two queued at once either may be taken first); not where a wave is sampled in
 * parts. The waves used are the first that suffice, in their order. A paid teacher is asked about as many steps as are
 * likely needed; where it keeps fewer, about further ones. What is sampled, asked about and used follows from episodes
 * and verdicts alone, never from timing, so that it costs the same whatever dies. `keptPerWave`: of the last iteration,
 * null: not known.
 */
export async function sampleAndJudge(place: SamplingPlace, keptPerWave: number | null): Promise<SampledAndJudged> {
  const needed = place.config.rollout.envStepsPerIteration;
  const isSampledAsAWhole = !asksPaidTeacher(place.config);
  const waves: Wave[] = [];
  for (let kept = 0; ;) {
    const more = keptPerWave === null ? 1 : Math.max(1, Math.ceil((needed - kept) / keptPerWave));
    const sampling: Promise<void>[] = [];
    for (let i = 0; i < more; i++) {
      const before = waves.at(-1);
      const wave = new Wave(place, waves.length, () =>
        place.onKept(sum(waves.map((one) => one.judged?.keptSteps ?? 0))),
      );
      waves.push(wave);
      sampling.push(wave.sample(needed - sum(waves.map(({ expected }) => expected ?? 0))));
      const judged = i > 0 && isSampledAsAWhole ? sampling[i - 1].then(() => before!.result()) : sampling[i];
      await Promise.race([sampling[i], judged]);
    }
    await Promise.all(sampling);
    if (waves.every(({ expected }) => expected !== null)) {
      kept = sum(waves.map(({ expected }) => expected!));
      keptPerWave = kept / waves.length;
      if (kept < needed) continue;
    }
    kept = 0;
    for (const [index, wave] of waves.entries()) {
      kept += await wave.judge(needed - kept);
      if (kept >= needed) return await finish(waves, index + 1);
    }
    keptPerWave = kept / waves.length;
  }
}

/** The first `used` waves suffice; others whose judging was begun are waited for, because what they took counts. */
async function finish(waves: readonly Wave[], used: number): Promise<SampledAndJudged> {
  const judged = await Promise.all(waves.filter((wave) => wave.isBegun).map((wave) => wave.result()));
  return {
    waves: judged.slice(0, used),
    sampledWaves: waves.map((wave) => wave.sampled),
    records: judged.map(({ wave, judged: { judgements } }, index) => ({
      episodes: wave.episodes,
      judgements,
      used: index < used,
    })),
    corrector: judged.reduce((counts, one) => addCounts(counts, one.judged.counts), NO_COUNTS),
    keptPerWave: sum(waves.slice(0, used).map(({ expected }) => expected!)) / used,
  };
}

/** A wave that is sampled part by part and judged meanwhile. */
class Wave {
  /** Kept steps: likely, then as judged as a whole; null: not known. */
  expected: number | null = null;
  /** What judging came to, as far as it went. */
  judged: CorrectWaveResult | null = null;
  readonly #place: SamplingPlace;
  readonly #wave: number;
  readonly #onJudged: () => void;
  #sampled: RolloutWaveResult | undefined;
  #child: Promise<ChildWorkflowHandle<typeof correctWave>> | null = null;
  #judging: Promise<CorrectWaveResult> | null = null;

  constructor(place: SamplingPlace, wave: number, onJudged: () => void) {
    this.#place = place;
    this.#wave = wave;
    this.#onJudged = onJudged;
  }

  /** The wave once `sample` is done with it. */
  get sampled(): RolloutWaveResult {
    return this.#sampled!;
  }

  get isBegun(): boolean {
    return this.#judging !== null;
  }

  /**
   * Samples it to its end; begins to judge it for `needed` kept steps as soon as a part is there, unless none are
   * needed.
   */
  async sample(needed: number): Promise<void> {
    let told = Promise.resolve();
    do {
      const part = (this.#sampled = await this.#place.gate.queue(() => this.#place.sample(this.#wave, this.#sampled)));
      if (this.#child !== null) {
        const child = this.#child;
        told = told.then(async () => await (await child).signal(sampledSignal, part)).catch(() => {}); // one that has failed says so by its result
      } else if (needed > 0) this.#begin(part, needed);
    } while (!this.#sampled.over);
    this.expected = this.#sampled.likelySteps;
  }

  /** Kept steps once it is judged as a whole, or as far as it takes for `needed` of them. */
  async judge(needed: number): Promise<number> {
    if (this.#judging === null) this.#begin(this.#sampled!, needed);
    let { keptSteps, further } = await this.#judging!;
    if (further !== undefined && keptSteps < needed) {
      this.#begin(this.#sampled!, needed, further);
      ({ keptSteps, further } = await this.#judging!);
    }
    if (further === undefined) this.expected = keptSteps;
    return keptSteps;
  }

  async result(): Promise<JudgedWave> {
    return { wave: this.#sampled!, judged: await this.#judging! };
  }

  #begin(wave: RolloutWaveResult, needed: number, carried?: CarriedWave): void {
    const judging = (this.#judging = asksPaidTeacher(this.#place.config)
      ? this.#askTeacher(wave, needed, carried)
      : this.#judgeLocally(wave));
    judging
      .then((judged) => {
        this.judged = judged;
        this.#onJudged();
      })
      .catch(() => {}); // awaited by whoever needs it; an early failure must not count as unhandled
  }

  /** The exact solver is free and instant, so a whole wave is one activity. */
  async #judgeLocally(wave: RolloutWaveResult): Promise<CorrectWaveResult> {
    const { config, iteration } = this.#place;
    const { correctEpisodesLocally } = activitiesOn('corrector', config, `judge wave ${this.#wave}`);
    return await correctEpisodesLocally({ config, iteration, wave });
  }

  /** Others are asked thought by thought, by a workflow of their own. */
  async #askTeacher(
    wave: RolloutWaveResult,
    needed: number,
    carried: CarriedWave | undefined,
  ): Promise<CorrectWaveResult> {
    const { config, iteration, runId, gate } = this.#place;
    const { paused } = gate;
    this.#child = startChild(correctWave, {
      workflowId: `${workflowInfo().workflowId}/wave-${this.#wave}`,
      args: [{ config, iteration, wave, runId, needed, paused, carried }],
      staticSummary: `judge wave ${this.#wave}`,
    });
    const handle = await this.#child;
    return await gate.passOn(handle, paused, handle.result());
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
