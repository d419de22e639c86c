/**
 * The first half of an iteration: waves of episodes are sampled and judged meanwhile, until enough of their steps are
 * kept. What is sampled, asked about and used depends only on episodes and verdicts, never on timing: it is the same,
 * and costs the same, whatever dies.
 */
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import { asksPaidTeacher } from '../configs/teachers.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import type { WaveRecord } from '../core/records/samples.ts';
import type { CorrectWaveResult } from './correct-wave.ts';
import { FreeJudging, type Judging, PaidJudging, type SamplingContext } from './judging.ts';

export type JudgedWave = { wave: RolloutWaveResult; result: CorrectWaveResult };

/**
 * `waves`: those that are trained on. `sampledWaves`: also those that were not needed in the end. `records`: those of
 * all judged waves. `kept`: steps of `waves`. `corrector`: cost of judging them. `keptPerWave`: the average.
 */
export type SampledAndJudged = {
  waves: JudgedWave[];
  sampledWaves: RolloutWaveResult[];
  records: WaveRecord[];
  kept: number[];
  corrector: CorrectorCounts;
  keptPerWave: number;
};

/**
 * Uses the first waves that suffice, in order. `keptPerWave`: kept steps per wave in the last iteration, to plan the
 * number of waves; null: unknown.
 */
export async function sampleAndJudge(context: SamplingContext, keptPerWave: number | null): Promise<SampledAndJudged> {
  const needed = context.config.rollout.envStepsPerIteration;
  const atOnce = context.config.parallel?.waves ?? 1; // a run that an older version began has no `parallel`
  const waves: Wave[] = [];
  let kept = 0;
  for (;;) {
    const more = keptPerWave === null ? atOnce : Math.max(1, Math.ceil((needed - kept) / keptPerWave));
    await (atOnce === 1 ? sampleOneByOne(context, waves, more) : sampleConcurrently(context, waves, more, atOnce));
    kept = sum(await Promise.all(waves.map((wave) => wave.judging.expectedSteps())));
    if (kept >= needed) {
      kept = 0;
      for (const [index, wave] of waves.entries()) {
        kept += await wave.judging.judge(needed - kept);
        if (kept >= needed) return await finish(waves, index + 1);
      }
    }
    keptPerWave = kept / waves.length;
  }
}

/** Samples `count` more waves, one after another. */
async function sampleOneByOne(context: SamplingContext, waves: Wave[], count: number): Promise<void> {
  const sampling: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const before = waves.at(-1);
    const wave = new Wave(context, waves);
    waves.push(wave);
    sampling.push(wave.sample());
    const next: Promise<unknown>[] = [sampling[i]];
    // So that the GPU need not wait for this workflow, the next wave is queued once the one before is judged: then this
    // one is being sampled. If two were queued at once, either could be taken first.
    if (i > 0 && !asksPaidTeacher(context.config)) next.push(sampling[i - 1].then(() => before!.judging.settled()));
    await Promise.race(next);
  }
  await Promise.all(sampling);
}

/**
 * Samples `count` more waves, `atOnce` of them concurrently on the available GPU workers: whichever finishes first
 * makes room for the next.
 */
async function sampleConcurrently(
  context: SamplingContext,
  waves: Wave[],
  count: number,
  atOnce: number,
): Promise<void> {
  const all: Promise<void>[] = [];
  const running = new Set<Promise<void>>();
  for (let i = 0; i < count; i++) {
    if (running.size === atOnce) await Promise.race(running);
    const wave = new Wave(context, waves);
    waves.push(wave);
    const sampled: Promise<void> = wave.sample().finally(() => running.delete(sampled));
    sampled.catch(() => {}); // awaited below
    running.add(sampled);
    all.push(sampled);
  }
  // What is queued now finds workers that have no wave left.
  void all[0].then(
    () => context.onQueued?.(waves[0].sampled!),
    () => {}, // awaited below
  );
  await Promise.all(all);
}

/** The first `used` waves suffice. Also waits for other waves whose judging has begun, because its cost counts. */
async function finish(waves: readonly Wave[], used: number): Promise<SampledAndJudged> {
  const begun = waves.filter(({ judging }) => judging.begun);
  const judged = await Promise.all(
    begun.map(async ({ sampled, judging }) => ({ wave: sampled!, result: await judging.settled() })),
  );
  const expected = await Promise.all(waves.slice(0, used).map(({ judging }) => judging.expectedSteps()));
  return {
    waves: judged.slice(0, used),
    sampledWaves: waves.map(({ sampled }) => sampled!),
    records: judged.map(({ wave, result: { judgements } }, index) => ({
      episodes: wave.episodes,
      judgements,
      used: index < used,
    })),
    corrector: judged.reduce((counts, one) => addCounts(counts, one.result.counts), NO_COUNTS),
    kept: expected,
    keptPerWave: sum(expected) / used,
  };
}

/** A wave that is sampled part by part and judged meanwhile. */
class Wave {
  readonly judging: Judging;
  /** Its episodes so far. */
  sampled: RolloutWaveResult | undefined;
  readonly #context: SamplingContext;
  readonly #index: number;
  readonly #before: readonly Wave[];

  /** `before`: the waves sampled so far. */
  constructor(context: SamplingContext, before: readonly Wave[]) {
    this.#context = context;
    this.#index = before.length;
    this.#before = [...before];
    this.judging = asksPaidTeacher(context.config)
      ? new PaidJudging(context, this.#index)
      : new FreeJudging(context, this.#index);
  }

  /** Samples it to its end. */
  async sample(): Promise<void> {
    const { gate, sample, config } = this.#context;
    do {
      const part = await gate.queue(() => sample(this.#index, this.sampled));
      this.sampled = part;
      const missing = async () => {
        const earlier = await Promise.all(this.#before.map(({ judging }) => judging.expectedSteps()));
        return config.rollout.envStepsPerIteration - sum(earlier);
      };
      await this.judging.heed(part, missing);
      if (part.over && this.judging.begun) this.#context.onJudged?.(part, () => this.judging.settled(), missing);
    } while (!this.sampled.over);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
