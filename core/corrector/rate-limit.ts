/**
 * The limits of a provider's account as plain values, all times in seconds: tokens per minute, and a pause after a
 * refusal.
 */

/**
 * Tokens per minute as a bucket that holds one minute's worth and fills steadily. The usage of a call is estimated
 * before it and settled after it, so the bucket may fall below zero; then nothing can be taken until it is refilled.
 */
export class TokenBudget {
  #perMinute: number;
  #level: number;
  #at: number;

  /** Begins full. */
  constructor(tokensPerMinute: number, now: number) {
    this.#perMinute = tokensPerMinute;
    this.#level = tokensPerMinute;
    this.#at = now;
  }

  /**
   * Takes the tokens and returns 0, or takes nothing and returns how long to wait until they are there. More than a
   * minute's worth waits for a full bucket.
   */
  take(tokens: number, now: number): number {
    this.#refill(now);
    const needed = Math.min(tokens, this.#perMinute);
    if (this.#level < needed) return ((needed - this.#level) * 60) / this.#perMinute;
    this.#level -= tokens;
    return 0;
  }

  /** Corrects an estimate: returns the excess, or takes what was missing. */
  settle(estimated: number, used: number, now: number): void {
    this.#refill(now);
    this.#level = Math.min(this.#level + estimated - used, this.#perMinute);
  }

  /** The provider says that no more than this is left: others use the account too. */
  lower(remaining: number, now: number): void {
    this.#refill(now);
    this.#level = Math.min(this.#level, remaining);
  }

  /** What is left; below 0 while more was used than available. */
  left(now: number): number {
    this.#refill(now);
    return this.#level;
  }

  /** Changes the limit from now on; the bucket stays filled to the same share. */
  change(tokensPerMinute: number, now: number): void {
    this.#refill(now);
    this.#level *= tokensPerMinute / this.#perMinute;
    this.#perMinute = tokensPerMinute;
  }

  #refill(now: number): void {
    this.#level = Math.min(this.#level + ((now - this.#at) * this.#perMinute) / 60, this.#perMinute);
    this.#at = now;
  }
}

/** Pause after a refusal that does not say how long, doubled by each further one. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 60;

/** After a pause, calls are spread over this share of its length, so that they do not all come back at once. */
const JITTER = 0.25;

/** One pause for all calls of an account. */
export class CoolDown {
  #until = Number.NEGATIVE_INFINITY;
  #length = 0;
  #refusals = 0;

  /**
   * A call that began at `began` was refused. `retryAfter`: how long the provider asks to wait, however long; null: it
   * does not say.
   */
  refused(retryAfter: number | null, began: number, now: number): void {
    // Calls in flight when the pause began are refused for the same reason: only a refusal of a later call makes the
    // next pause longer.
    if (began >= this.#until) this.#refusals++;
    const pause = retryAfter ?? Math.min(FIRST_PAUSE * 2 ** (this.#refusals - 1), LONGEST_PAUSE);
    if (now + pause <= this.#until) return;
    this.#until = now + pause;
    this.#length = pause;
  }

  /** A call was answered: the next refusal begins with a short pause again. */
  answered(): void {
    this.#refusals = 0;
  }

  /** How long a call has to wait; 0: it may go. `chance` in [0, 1) spreads the calls. */
  wait(now: number, chance: number): number {
    return now >= this.#until ? 0 : this.#until - now + chance * JITTER * this.#length;
  }
}
