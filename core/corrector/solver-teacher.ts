/** The exact solver as a teacher: sees the true state, free, offline, never wrong. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonState } from '../envs/env.ts';
import type { Verdict } from '../episodes/episode.ts';
import type { Expert } from './expert.ts';
import { expertOf } from './experts.ts';
import type { ThoughtTemplate } from './solver-thought.ts';
import { type JudgeRequest, type Judgement, NO_USAGE, type Teacher, type Usage } from './teacher.ts';

export class SolverTeacher implements Teacher {
  readonly isExact = true;
  readonly terms = null;
  readonly identity: JsonState;
  readonly #environment: string;
  #found: Expert | null = null;
  readonly #template: ThoughtTemplate;

  constructor(environment: string, template: ThoughtTemplate) {
    this.identity = { teacher: 'solver', environment, template };
    this.#environment = environment;
    this.#template = template;
  }

  /** Looked up when it judges: a run without judging needs none. Throws `ConfigError`. */
  get #expert(): Expert {
    return (this.#found ??= expertOf(this.#environment));
  }

  async problem(): Promise<null> {
    return null;
  }

  estimate(): Usage {
    return NO_USAGE;
  }

  async judge(request: JudgeRequest): Promise<Judgement> {
    return { verdict: this.verdict(request), requests: 0, usage: NO_USAGE };
  }

  /**
   * Correct: the thought describes the scene rightly, proposes a continuation that reaches the target from here, and
   * names the right next action, without a mistake. Otherwise corrected: the same wording, for the target so far if it
   * can still be reached from here, else for the best continuation.
   */
  verdict({ environment, thought, target }: JudgeRequest): Verdict {
    const proposed = this.#expert.proposedPlan(environment, thought, this.#template);
    if (proposed !== null && isDeepStrictEqual(thought, proposed.word(this.#template)))
      return { outcome: 'correct', target: proposed.target };
    const better = this.#expert.bestPlan(environment, target, this.#template);
    if (better === null) return { outcome: 'noSolution' };
    return {
      outcome: 'corrected',
      target: better.target,
      correction: better.word(this.#template),
      action: better.action,
    };
  }
}
