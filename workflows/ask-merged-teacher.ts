/** Asks a merged teacher about an iteration's waves while the next ones are sampled. */
import type { AskMergedTeacherResult } from '../activities/ask-merged-teacher.ts';
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import type { Algorithm } from '../configs/algorithms.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { MergedTeacher } from '../core/records/run-records.ts';
import { activitiesOn } from './activities-on.ts';
import type { CorrectWaveResult } from './correct-wave.ts';
import type { IterationInput } from './iteration.ts';

/** `policy`: the one that sampled the waves. */
type AskingInput = Pick<IterationInput, 'config' | 'iteration'> & { policy: Pick<ArtifactRef, 'sha256'> };
type Sampled = Pick<RolloutWaveResult, 'wave' | 'episodes'>;
/** Called only where it is awaited: a rejected promise that nobody awaits would fail the workflow's task. */
type Judged = () => Promise<Pick<CorrectWaveResult, 'judgements'>>;

export class AskingTeacher {
  readonly #what: NonNullable<Algorithm['merged']>;
  readonly #input: AskingInput;
  readonly #teacher: Promise<MergedTeacher>;
  readonly #asked: Promise<AskMergedTeacherResult | null>[] = [];

  constructor(what: NonNullable<Algorithm['merged']>, input: AskingInput, teacher: Promise<MergedTeacher>) {
    this.#what = what;
    this.#input = input;
    this.#teacher = teacher;
  }

  /** Adds the next wave; `missing`: kept steps that earlier waves leave to it. */
  add(wave: Sampled, judged: Judged, missing: () => Promise<number>): void {
    const asked = this.#ask(wave, judged, missing);
    asked.catch(() => {}); // awaited by `answers`
    this.#asked.push(asked);
  }

  /** The answers for the waves that are trained on. */
  async answers(): Promise<AskMergedTeacherResult[]> {
    return (await Promise.all(this.#asked)).filter((result) => result !== null);
  }

  async #ask(
    { episodes, wave }: Sampled,
    judged: Judged,
    missing: () => Promise<number>,
  ): Promise<AskMergedTeacherResult | null> {
    const { config, iteration, policy } = this.#input;
    const steps = await missing();
    if (steps <= 0) return null;
    const { judgements } = await judged();
    const teacher = await this.#teacher;
    const from = config.rollout.envStepsPerIteration - steps;
    const asked = activitiesOn('gpu', config, `wave ${wave}: what the merged teacher says`);
    const ask = { kl: asked.teacherLogprobs, thoughts: asked.teacherThoughts }[this.#what];
    return await ask({ config, iteration, wave: { wave: episodes, judgements }, from, policy, teacher });
  }
}
