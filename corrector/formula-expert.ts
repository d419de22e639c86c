/** The expert of Points24 and EZPoints: formulas that make the goal, exactly. */
import type { JsonState } from '../envs/env.ts';
import { canonicalSolution, isSolution } from './exact-solver.ts';
import type { Expert, Plan } from './expert.ts';
import { continues, handOf } from './hand.ts';
import { nextAction, proposedFormula, wordThought } from './solver-thought.ts';

type FormulaRules = { goal: number; operators: readonly string[] };

/** Whether `formula` uses the hand, reaches the goal, and begins with what was appended so far. */
export function leadsOn({ goal, operators }: FormulaRules, state: JsonState, formula: string): boolean {
  const { numbers, formula: appended } = handOf(state);
  return continues(formula, appended) && isSolution(formula, numbers, goal, operators);
}

export function formulaExpert(rules: FormulaRules): Expert {
  const { goal, operators } = rules;
  return {
    percepts: ['cards'],
    bestPlan(environment, target) {
      const state = environment.state();
      if (target !== null && leadsOn(rules, state, target)) return planTo(state, target);
      const { numbers, formula } = handOf(state);
      const solution = canonicalSolution(numbers, goal, { operators, prefix: formula });
      return solution === null ? null : planTo(state, solution);
    },
    proposedPlan(environment, thought, template) {
      const state = environment.state();
      const proposed = proposedFormula(template, thought);
      return proposed !== null && leadsOn(rules, state, proposed) ? planTo(state, proposed) : null;
    },
    /** Adds everything up: the numbers in order. */
    naivePlan(environment) {
      const state = environment.state();
      return planTo(state, [...handOf(state).numbers].sort((a, b) => a - b).join('+'));
    },
  };
}

/** The way to any formula, right or not, that begins with what was appended so far. */
export function planTo(state: JsonState, target: string): Plan {
  return { target, action: nextAction(target, handOf(state).formula.length), word: (template) => wordThought(template, state, target) };
}
