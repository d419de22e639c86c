/** The account that a corrector worker calls for: its ledger, its limits, and the one gate that all its calls pass. */
import { activityInfo, getClient } from '@temporalio/activity';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { AccountGate } from '../core/corrector/account-gate.ts';
import { Ledger } from '../core/corrector/ledger.ts';
import { type PaidTeacher, type RateLimitState, TeacherError, type Usage } from '../core/corrector/teacher.ts';
import { queueWorkers, readLimits } from '../core/corrector/account-limits.ts';

/** The maximum age of the limits that a call uses. */
const REFRESH_SECONDS = 5;

/** A longer cool-down than this is spent outside the worker. */
const LONGEST_WAIT_SECONDS = 20;

/** The account has just refused calls; `seconds`: when to come back. */
export class CoolingDown extends Error {
  override name = 'CoolingDown';
  readonly seconds: number;

  constructor(seconds: number) {
    super(`The account cools down for ${Math.ceil(seconds)} s after a refusal`);
    this.seconds = seconds;
  }
}

export class CorrectorAccount {
  readonly name: string;
  readonly ledger: Ledger;
  readonly #store: ArtifactStore;
  readonly #gate = new AccountGate(null);
  #refreshed = Number.NEGATIVE_INFINITY;

  constructor(store: ArtifactStore, name: string) {
    this.name = name;
    this.#store = store;
    this.ledger = new Ledger(store);
  }

  /** The teacher within the account's limits. Its `judge` throws `CoolingDown` if it would have to wait long. */
  limit(teacher: PaidTeacher): PaidTeacher {
    return {
      isExact: teacher.isExact,
      terms: teacher.terms,
      problem: () => teacher.problem(),
      identity: teacher.identity,
      estimate: (request) => teacher.estimate(request),
      judge: async (request, options = {}) => {
        const { promptTokens, completionTokens } = teacher.estimate(request);
        return await this.within(promptTokens + completionTokens, options.signal, (answered) =>
          teacher.judge(request, {
            ...options,
            onAnswer: async (answer, details) => {
              answered(details);
              await options.onAnswer?.(answer, details);
            },
          }),
        );
      },
    };
  }

  /**
   * Calls the provider within the account's limits; `call` reports each answer. `tokens`: expected usage. Throws
   * `CoolingDown` if it would have to wait long.
   */
  async within<T>(
    tokens: number,
    signal: AbortSignal | undefined,
    call: (answered: (details: { usage: Usage; rateLimit: RateLimitState }) => void) => Promise<T>,
  ): Promise<T> {
    await this.#refresh();
    const coolDown = this.#gate.coolDownSeconds;
    if (coolDown > LONGEST_WAIT_SECONDS) throw new CoolingDown(coolDown);
    const leave = await this.#gate.enter(tokens, signal);
    const enteredAt = this.#gate.now();
    let used = 0;
    try {
      return await call(({ usage, rateLimit }) => {
        used += usage.promptTokens + usage.completionTokens;
        this.#gate.answered(rateLimit.remainingTokens);
      });
    } catch (error) {
      if (!(error instanceof TeacherError) || error.kind !== 'rateLimit') throw error;
      throw new TeacherError('rateLimit', error.message, this.#gate.refused(error.retryAfterSeconds, enteredAt));
    } finally {
      leave.settle(used);
    }
  }

  /**
   * Limits and the number of workers can change at any time (`gtr rate`): each worker has an equal share of the tokens.
   */
  async #refresh(): Promise<void> {
    if (this.#gate.now() < this.#refreshed + REFRESH_SECONDS) return;
    this.#refreshed = this.#gate.now();
    const { tokensPerMinute } = await readLimits(this.#store, this.name);
    this.#gate.changeTokensPerMinute(
      tokensPerMinute === null ? null : tokensPerMinute / (await queueWorkers(getClient(), activityInfo().taskQueue)),
    );
  }
}
