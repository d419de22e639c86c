/**
 * A gate for all concurrent calls of one account: in order of arrival, within its tokens per minute, and not while it
 * cools down.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CoolDown, TokenBudget } from './rate-limit.ts';

/** Time in seconds, and random numbers for jitter; tests supply their own. */
export type GateClock = {
  now(): number;
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  chance(): number;
};

const REAL_CLOCK: GateClock = {
  now: () => performance.now() / 1000,
  sleep: (seconds, signal) => sleep(seconds * 1000, undefined, { signal }),
  chance: Math.random,
};

/** The permission to make one call; `settle` once, with the tokens that the call actually used (0 if it failed). */
export type Permit = { settle(usedTokens: number): void };

export class AccountGate {
  readonly #clock: GateClock;
  readonly #coolDown = new CoolDown();
  #budget: TokenBudget | null;
  #last: Promise<unknown> = Promise.resolve();

  /** `tokensPerMinute` null: no such limit. */
  constructor(tokensPerMinute: number | null, clock: GateClock = REAL_CLOCK) {
    this.#clock = clock;
    this.#budget = tokensPerMinute === null ? null : new TokenBudget(tokensPerMinute, clock.now());
  }

  /** Waits until a call of about `tokens` tokens may be made. Throws the signal's reason if it is aborted meanwhile. */
  async enter(tokens: number, signal?: AbortSignal): Promise<Permit> {
    const passing = this.#last.then(() => this.#pass(tokens, signal));
    this.#last = passing.catch(() => {});
    return await (signal === undefined ? passing : Promise.race([passing, aborted(signal)]));
  }

  /**
   * How long the account still cools down, with jitter; 0: it does not. A call that would wait long may come back later
   * instead.
   */
  get coolDownSeconds(): number {
    return this.#coolDown.wait(this.#clock.now(), this.#clock.chance());
  }

  /**
   * The provider refused a call that was let in at `enteredAt` (`now()`); `retryAfterSeconds` null: it did not say how
   * long to wait. Returns when to come back, in seconds.
   */
  refused(retryAfterSeconds: number | null, enteredAt: number): number {
    this.#coolDown.refused(retryAfterSeconds, enteredAt, this.#clock.now());
    return this.coolDownSeconds;
  }

  /** The provider answered; `remainingTokens`: what is left according to its headers, null when they do not say. */
  answered(remainingTokens: number | null = null): void {
    this.#coolDown.answered();
    if (remainingTokens !== null) this.#budget?.lower(remainingTokens, this.#clock.now());
  }

  now(): number {
    return this.#clock.now();
  }

  /** Changes the limit for all calls that have not passed yet. */
  changeTokensPerMinute(tokensPerMinute: number | null): void {
    if (tokensPerMinute === null) this.#budget = null;
    else if (this.#budget === null) this.#budget = new TokenBudget(tokensPerMinute, this.#clock.now());
    else this.#budget.change(tokensPerMinute, this.#clock.now());
  }

  async #pass(tokens: number, signal?: AbortSignal): Promise<Permit> {
    for (;;) {
      signal?.throwIfAborted();
      const wait = this.coolDownSeconds || (this.#budget?.take(tokens, this.#clock.now()) ?? 0);
      if (wait === 0) return { settle: (used) => this.#budget?.settle(tokens, used, this.#clock.now()) };
      await this.#clock.sleep(wait, signal);
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
