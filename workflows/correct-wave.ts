/**
 * Judges a wave by a paid teacher while the rest of it and the next waves are sampled. Each thought is an activity on
 * the account's queue: episodes concurrently, the thoughts of an episode in order.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CorrectEpisodesInput, CorrectEpisodesResult } from '../activities/correct-episodes-locally.ts';
import type { CorrectThoughtInput, CorrectThoughtResult } from '../activities/correct-thought.ts';
import type { EpisodeReview, ReviewWaveResult } from '../activities/review-wave.ts';
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import { FAILURES } from '../configs/failure-types.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { activitiesOn } from './activities-on.ts';
import { WavePurse } from './budget.ts';
import { haltSignal, PauseGate } from './control.ts';

/** More of the wave was sampled. */
export const sampledSignal = defineSignal<[RolloutWaveResult]>('sampled');

/**
 * What a wave carries over to a new execution. `context`: that of its last review; `judged`: progress of the episodes
 * that were asked about since, by slot.
 */
export type CarriedWave = {
  context: ArtifactRef;
  judged: Record<number, ArtifactRef>;
  counts: CorrectorCounts;
  startedAt: number;
};

/**
 * `runId`: workflow id of the run, which keeps the budget. `wave`: as far as it was sampled when judging began.
 * `needed`: kept steps for which the teacher is asked. `carried`: from the execution before.
 */
export type CorrectWaveInput = CorrectEpisodesInput & {
  runId: string;
  needed: number;
  paused: boolean;
  carried?: CarriedWave;
};

/** `carried`: where judging continues if more steps are needed; absent once the whole wave is judged. */
export type CorrectWaveResult = CorrectEpisodesResult & { carried?: CarriedWave };

/**
 * Number of events after which no more thoughts are started and the wave continues as a new execution; open thoughts
 * still add theirs.
 */
const MOST_EVENTS = 4000;

export async function correctWave(input: CorrectWaveInput): Promise<CorrectWaveResult> {
  const gate = new PauseGate(input.paused);
  gate.listen();
  return await new PaidWave(input, gate).execute();
}

class PaidWave {
  readonly #input: CorrectWaveInput;
  readonly #gate: PauseGate;
  readonly #startedAt: number;
  readonly #purse: WavePurse;
  /** As far as it was sampled. */
  #wave: RolloutWaveResult;
  #context: ArtifactRef | null;
  #progress: Record<number, ArtifactRef>;
  #episodes: EpisodeReview[] = [];
  readonly #underWay = new Set<number>();
  #failure: { error: unknown } | null = null;

  constructor(input: CorrectWaveInput, gate: PauseGate) {
    this.#input = input;
    this.#gate = gate;
    this.#wave = input.wave;
    this.#startedAt = input.carried?.startedAt ?? Date.now();
    this.#context = input.carried?.context ?? null;
    this.#progress = { ...input.carried?.judged };
    this.#purse = new WavePurse({
      runId: input.runId,
      counts: input.carried?.counts ?? NO_COUNTS,
      openEpisodes: () => this.#episodes.filter(isOpen).length,
    });
    setHandler(sampledSignal, (wave) => {
      this.#wave = wave;
    });
  }

  /** Reviews what was sampled and judged and asks about what is open, until the review says that it is enough. */
  async execute(): Promise<CorrectWaveResult> {
    for (;;) {
      const wave = this.#wave;
      const { closed } = await this.#review(wave);
      if (closed !== null) return await this.#close(closed);
      for (const [slot, episode] of this.#episodes.entries())
        if (isOpen(episode) && !this.#underWay.has(slot)) this.#begin(slot);
      const idle = () => this.#underWay.size === 0;
      const newlyJudged = () => Object.keys(this.#progress).length > 0;
      const newlySampled = () => this.#wave !== wave;
      const reviewDue = () => newlySampled() || (idle() && newlyJudged());
      await condition(() => this.#failure !== null || (this.#hasLongHistory ? idle() : reviewDue()));
      if (this.#failure !== null) throw this.#failure.error;
      if (this.#hasLongHistory) return await this.#continueAsNew();
    }
  }

  get #hasLongHistory(): boolean {
    return workflowInfo().historyLength >= MOST_EVENTS;
  }

  get #carried(): CarriedWave {
    return { context: this.#context!, judged: this.#progress, counts: this.#purse.counts, startedAt: this.#startedAt };
  }

  async #review(wave: RolloutWaveResult): Promise<ReviewWaveResult> {
    const { config, iteration, needed } = this.#input;
    const underWay = [...this.#underWay];
    const { reviewWave } = activitiesOn('orchestrator', config, `wave ${wave.wave}: what needs no question`);
    const review = await reviewWave({
      config,
      iteration,
      wave,
      payer: workflowInfo().workflowId,
      needed,
      context: this.#context,
      judged: this.#progress,
      underWay,
    });
    // Progress from questions asked meanwhile is newer than the review.
    const kept = underWay.filter((slot) => this.#progress[slot] !== undefined);
    this.#progress = Object.fromEntries(kept.map((slot) => [slot, this.#progress[slot]]));
    this.#episodes = review.episodes.map((episode, slot) =>
      underWay.includes(slot) ? { ...this.#episodes[slot], upTo: episode.upTo } : episode,
    );
    this.#context = review.context;
    this.#purse.add(review.counts, review.thoughtUsd);
    return review;
  }

  async #close({ judgements, keptSteps, whole }: NonNullable<ReviewWaveResult['closed']>): Promise<CorrectWaveResult> {
    await this.#purse.report(0, { closed: true });
    return {
      judgements,
      keptSteps,
      counts: this.#purse.counts,
      seconds: (Date.now() - this.#startedAt) / 1000,
      ...(whole ? {} : { carried: this.#carried }),
    };
  }

  async #continueAsNew(): Promise<never> {
    await this.#purse.report(0, { closed: true });
    return await continueAsNew<typeof correctWave>({
      ...this.#input,
      wave: this.#wave,
      paused: this.#gate.paused,
      carried: this.#carried,
    });
  }

  #begin(slot: number): void {
    this.#underWay.add(slot);
    this.#judgeEpisode(slot)
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => this.#underWay.delete(slot));
  }

  /**
   * Thought by thought, until the episode is judged as far as it is needed and sampled, or this execution has enough
   * events.
   */
  async #judgeEpisode(slot: number): Promise<void> {
    while (isOpen(this.#episodes[slot]) && !this.#hasLongHistory) {
      await this.#gate.pass();
      await this.#purse.take();
      if (this.#gate.paused) {
        await this.#purse.settle(null); // paused while it waited for the budget
        continue;
      }
      const thought = await this.#ask({ context: this.#context!, slot, progress: this.#progress[slot] ?? null });
      await this.#purse.settle(thought?.counts ?? null);
      if (thought === null) continue;
      this.#progress[slot] = thought.progress;
      this.#episodes[slot] = { ...this.#episodes[slot], judged: thought.judged, done: thought.done };
    }
  }

  /** Null: the teacher needs a person; the run is told, and the same thought is asked about again after a resume. */
  async #ask(input: CorrectThoughtInput): Promise<CorrectThoughtResult | null> {
    const { config, wave } = this.#input;
    const summary = `wave ${wave.wave}, episode ${input.slot}`;
    const { correctThought } = activitiesOn('corrector', config, summary, { account: config.corrector.account });
    try {
      return await correctThought(input);
    } catch (error) {
      const cause = error instanceof ActivityFailure ? error.cause : undefined;
      if (!(cause instanceof ApplicationFailure) || cause.type !== FAILURES.teacherRefused) throw error;
      if (!this.#gate.paused) {
        this.#gate.paused = true;
        setCurrentDetails(`**paused**: ${cause.message}`);
        await getExternalWorkflowHandle(this.#input.runId).signal(haltSignal, cause.message);
      }
      return null;
    }
  }
}

/** Whether there is a question to ask about the episode now. */
function isOpen({ judged, upTo, done }: EpisodeReview): boolean {
  return !done && judged < upTo;
}
