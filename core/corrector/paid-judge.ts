/** Judges one thought by a paid teacher, unless its verdict is already known. */
import { sha256 } from '../artifacts/keyed-store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { skipsProvedThoughts } from '../../configs/teachers.ts';
import type { CorrectorCounts } from '../episodes/corrector-counts.ts';
import type { Verdict, VerdictSource } from '../episodes/episode.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';
import { type Ledger, type LedgerEntry, ledgerKey, type Question } from './ledger.ts';
import { costUsd } from './prices.ts';
import { SolverTeacher } from './solver-teacher.ts';
import { addUsage, type JudgeRequest, NO_USAGE, type PaidTeacher, type PaidTerms } from './teacher.ts';

/** A verdict, who it is from, and what it took. */
export type PaidVerdict = { verdict: Verdict; source: VerdictSource; counts: Partial<CorrectorCounts> };

export class PaidJudge {
  readonly #terms: PaidTerms;
  readonly #teacher: PaidTeacher;
  readonly #ledger: Ledger;
  /** Null where every thought is asked about. */
  readonly #solver: SolverTeacher | null;

  constructor(config: RunConfig, teacher: PaidTeacher, ledger: Ledger) {
    const { environment, model } = config;
    this.#terms = teacher.terms;
    this.#teacher = teacher;
    this.#ledger = ledger;
    this.#solver = skipsProvedThoughts(config)
      ? new SolverTeacher(environment.name, loadPromptTemplate(model.prompt, environment.name).thought)
      : null;
  }

  /**
   * The verdict of a thought that the solver proves right or the ledger knows; else null. `payer`: the asker, so that
   * what it paid for before counts as its own.
   */
  async known(request: JudgeRequest, payer: string): Promise<PaidVerdict | null> {
    const proved = (await this.#solver?.judge(request))?.verdict;
    if (proved?.outcome === 'correct') return { verdict: proved, source: { by: 'solver' }, counts: { skipped: 1 } };
    const entry = await this.#ledger.find(ledgerKey(this.#question(request)));
    return entry === undefined || entry.verdict === null ? null : this.#fromEntry(entry, payer);
  }

  /** Asks the teacher, on behalf of `payer`. Throws `TeacherError`, or the signal's reason. */
  async ask(request: JudgeRequest, payer: string, signal: AbortSignal): Promise<PaidVerdict> {
    const entry = await this.#ledger.judge(this.#question(request), payer, async (answers, keep) => {
      const { verdict } = await this.#teacher.judge(request, {
        signal,
        answers,
        onAnswer: (answer, { usage }) => keep(answer, usage),
      });
      return verdict;
    });
    return this.#fromEntry(entry, payer);
  }

  /**
   * The most that judging this thought may cost, in US dollars: twice the likely cost, to cover further rounds and a
   * second question. Null where the model's price is unknown.
   */
  mostUsd(request: JudgeRequest): number | null {
    const usage = this.#teacher.estimate(request);
    return costUsd(addUsage(usage, usage), this.#terms.prices);
  }

  #question({ environment, thought, action, target }: JudgeRequest): Question {
    const { data } = environment.observe(this.#terms.pictureSize);
    return {
      teacher: this.#teacher.identity,
      image: sha256(data),
      state: environment.state(),
      thought,
      action,
      target,
    };
  }

  #fromEntry(entry: LedgerEntry, payer: string): PaidVerdict {
    const { verdict, answers, question } = entry as LedgerEntry & { verdict: Verdict };
    const key = ledgerKey(question);
    const unusable = verdict.outcome === 'unusable' ? { [verdict.reason]: 1 } : {};
    const own = answers.filter(({ paidBy }) => paidBy === payer);
    if (own.length === 0) return { verdict, source: { by: 'ledger', key }, counts: { ledgerHits: 1, unusable } };
    const usage = own.reduce((sum, answer) => addUsage(sum, answer.usage), NO_USAGE);
    const seconds = own.reduce((sum, answer) => sum + answer.seconds, 0);
    return {
      verdict,
      source: { by: 'teacher', key },
      counts: {
        calls: 1,
        requests: own.length,
        tokensIn: usage.promptTokens,
        tokensCached: usage.cachedTokens,
        tokensOut: usage.completionTokens,
        costUsd: costUsd(usage, this.#terms.prices),
        seconds,
        slowestSeconds: seconds,
        unusable,
      },
    };
  }
}
