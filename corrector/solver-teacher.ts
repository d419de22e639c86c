/** The exact solver as a teacher: sees the true state, free, offline, never wrong. */
import { isDeepStrictEqual } from 'node:util';
import { formulaGame, handOf } from './hand.ts';
import type { Verdict } from '../learner/trajectory.ts';
import { canonicalSolution, isSolution } from './exact-solver.ts';
import { nextAction, proposedFormula, type ThoughtTemplate, wordThought } from './solver-thought.ts';
import type { JudgeRequest, Teacher } from './teacher.ts';

export class SolverTeacher implements Teacher {
  readonly #goal: number;
  readonly #operators: readonly string[];
  readonly #template: ThoughtTemplate;

  constructor(environment: string, template: ThoughtTemplate) {
    ({ goal: this.#goal, operators: this.#operators } = formulaGame(environment));
    this.#template = template;
  }

  /**
   * Correct: the thought reads the cards, proposes a formula that reaches the goal from here and says the right next action, worked out without a
   * mistake. Else corrected: the same wording about the target so far, if it still leads on from here, or about the canonical solution.
   */
  async judge({ state, thought, target }: JudgeRequest): Promise<Verdict> {
    const proposed = proposedFormula(this.#template, thought);
    if (proposed !== null && this.#leadsOn(state, proposed) && isDeepStrictEqual(thought, wordThought(this.#template, state, proposed))) return { outcome: 'correct', target: proposed };
    const better = target !== null && this.#leadsOn(state, target) ? target : this.#solve(state);
    if (better === null) return { outcome: 'noSolution' };
    return { outcome: 'corrected', target: better, correction: wordThought(this.#template, state, better), action: nextAction(better, handOf(state).formula.length) };
  }

  /** Whether `formula` uses the hand, reaches the goal, and begins with what was appended so far. */
  #leadsOn(state: JudgeRequest['state'], formula: string): boolean {
    const { numbers, formula: appended } = handOf(state);
    return formula.startsWith(appended.join('')) && isSolution(formula, numbers, this.#goal, this.#operators);
  }

  #solve(state: JudgeRequest['state']): string | null {
    const { numbers, formula } = handOf(state);
    return canonicalSolution(numbers, this.#goal, { operators: this.#operators, prefix: formula });
  }
}
