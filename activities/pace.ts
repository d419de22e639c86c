/** The speed of a piece of work, and when it will be done. */
import type { RolloutProgress } from '../core/policy/rollout.ts';

export class Pace {
  readonly #began = performance.now();
  readonly #from: number;
  readonly #all: number;
  #tokens = 0;

  /** `from`: how many of `all` pieces were done before. */
  constructor(from: number, all: number) {
    this.#from = from;
    this.#all = all;
  }

  /** `tokens`: number generated or trained on since the last call. */
  at(done: number, tokens: number): { done: number; all: number; tokensPerSecond: number; secondsLeft: number } {
    this.#tokens += tokens;
    const seconds = (performance.now() - this.#began) / 1000;
    return {
      done,
      all: this.#all,
      tokensPerSecond: rounded(this.#tokens / seconds),
      secondsLeft: rounded((seconds / Math.max(1, done - this.#from)) * (this.#all - done)),
    };
  }
}

/** Three digits are precise enough to read. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** The same for episodes that are played together, whose number of rounds is unknown. */
export class RolloutPace {
  readonly #began = performance.now();
  readonly #longest: number;
  #before: { round: number; tokens: number } | null = null;

  /** `longest`: rounds after which the last episode is over. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** `secondsLeft`: at most, since episodes may end sooner. */
  of(progress: RolloutProgress): { done: number; all: number; tokensPerSecond: number; secondsLeft: number } {
    const tokens = progress.episodes
      .flatMap(({ steps }) => steps)
      .reduce((sum, { responseIds }) => sum + responseIds.length, 0);
    const seconds = (performance.now() - this.#began) / 1000;
    const lastTokens = progress.episodes
      .filter(({ steps }) => steps.length === progress.round)
      .reduce((sum, { steps }) => sum + (steps.at(-1)?.responseIds.length ?? 0), 0);
    this.#before ??= { round: progress.round - 1, tokens: tokens - lastTokens };
    const rounds = progress.round - this.#before.round;
    return {
      done: closedEpisodes(progress),
      all: progress.episodes.length,
      tokensPerSecond: rounded((tokens - this.#before.tokens) / seconds),
      secondsLeft: progress.over ? 0 : rounded((seconds / rounds) * (this.#longest - progress.round)),
    };
  }
}

/** As text. */
export function roundOf(progress: RolloutProgress): string {
  return `round ${progress.round}, ${closedEpisodes(progress)} of ${progress.episodes.length} episodes over`;
}

function closedEpisodes({ closed }: RolloutProgress): number {
  return closed.filter(Boolean).length;
}
