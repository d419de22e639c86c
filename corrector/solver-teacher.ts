/** The exact solver as a teacher: sees the true state, free, offline, never wrong. */
import { isDeepStrictEqual } from 'node:util';
import type { Verdict } from '../learner/trajectory.ts';
import type { Expert } from './expert.ts';
import { expertOf } from './experts.ts';
import type { ThoughtTemplate } from './solver-thought.ts';
import type { JudgeRequest, Teacher } from './teacher.ts';

export class SolverTeacher implements Teacher {
  readonly #expert: Expert;
  readonly #template: ThoughtTemplate;

  constructor(environment: string, template: ThoughtTemplate) {
    this.#expert = expertOf(environment);
    this.#template = template;
  }

  /**
   * Correct: the thought sees what is there, proposes a way that leads on from here and says the right next action, worked out without a mistake.
   * Else corrected: the same wording about the target so far, if it still leads on from here, or about the best way.
   */
  async judge({ state, thought, target }: JudgeRequest): Promise<Verdict> {
    const proposed = this.#expert.proposedPlan(state, thought, this.#template);
    if (proposed !== null && isDeepStrictEqual(thought, proposed.word(this.#template))) return { outcome: 'correct', target: proposed.target };
    const better = this.#expert.bestPlan(state, target);
    if (better === null) return { outcome: 'noSolution' };
    return { outcome: 'corrected', target: better.target, correction: better.word(this.#template), action: better.action };
  }
}
