/** NumberLine: step from the current number to the target number. */
import { z } from 'zod';
import { parseConfig } from '../../configs/schema.ts';
import { RandomStream } from '../random/counter.ts';
import { drawNumberLine } from './drawing/number-line.ts';
import { CUT_AFTER_FAILURE, type Game, type JsonState, outcomeByReward, type StepResult } from './env.ts';
import { GuardedEnvironment } from './guarded-environment.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { readSingleAction } from './read-action.ts';

const optionsSchema = z.strictObject({
  /** Numbers go from 0 to this. */
  maxPosition: z.int().min(1).max(99).default(5),
  /** Which targets are dealt: all; 1, 4, 7, ... are `heldOut`, the others `seen`. */
  deals: z.enum(['all', 'seen', 'heldOut']).default('all'),
});
export type NumberLineOptions = z.infer<typeof optionsSchema>;

const ACTIONS = ['-', '+'] as const;

export type NumberLineState = JsonState & {
  readonly target: number;
  readonly current: number;
  /** Steps taken. */
  readonly steps: number;
};

export const numberline: Game<NumberLineOptions> = {
  name: 'numberline',
  parseOptions: (options) => parseConfig(optionsSchema, options, 'environment.options (numberline)'),
  start({ seed, episode }, options) {
    const random = new RandomStream({ seed, purpose: 'deal numberline', episode });
    for (;;) {
      const current = random.below(options.maxPosition + 1);
      // Any number but the current one.
      const target = (current + 1 + random.below(options.maxPosition)) % (options.maxPosition + 1);
      if (options.deals === 'all' || (target % 3 === 1) === (options.deals === 'heldOut'))
        return new NumberLineEnvironment({ target, current, steps: 0 }, options);
    }
  },
  fromState: (state, options) => new NumberLineEnvironment(state as NumberLineState, options),
  cut: CUT_AFTER_FAILURE,
  outcome: ({ start }, reward) =>
    outcomeByReward(
      reward,
      `distance-${Math.abs((start as NumberLineState).target - (start as NumberLineState).current)}`,
    ),
  readAction: (text, legalActions) => readSingleAction(text, /[-+]/g, legalActions),
};

class NumberLineEnvironment extends GuardedEnvironment {
  readonly name = 'numberline';
  readonly #target: number;
  readonly #maxPosition: number;
  #current: number;
  #steps: number;

  constructor({ target, current, steps }: NumberLineState, { maxPosition }: NumberLineOptions) {
    super();
    this.#target = target;
    this.#current = current;
    this.#steps = steps;
    this.#maxPosition = maxPosition;
  }

  state(): NumberLineState {
    return { target: this.#target, current: this.#current, steps: this.#steps };
  }

  observe(size: number): RgbImage {
    return drawNumberLine(this.#target, this.#current, size);
  }

  promptValues(): Readonly<Record<string, string>> {
    return { target: String(this.#target), current: String(this.#current), max: String(this.#maxPosition) };
  }

  legalActions(): readonly string[] {
    return ACTIONS;
  }

  /**
   * 1 at the target, -1 when the step does not come closer to it (also at the end of the line, where nothing moves),
   * else 0; truncated after 2 * max steps.
   */
  protected act(action: string): StepResult {
    const before = Math.abs(this.#current - this.#target);
    this.#current = Math.min(Math.max(this.#current + (action === '+' ? 1 : -1), 0), this.#maxPosition);
    this.#steps++;
    const distance = Math.abs(this.#current - this.#target);
    const stop = distance === 0 ? 'terminated' : this.#steps >= 2 * this.#maxPosition ? 'truncated' : null;
    return { reward: distance === 0 ? 1 : distance < before ? 0 : -1, stop };
  }
}
