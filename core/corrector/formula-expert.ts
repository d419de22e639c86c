/** The expert of Points24 and EZPoints: formulas that make the goal, exactly. */
import type { JsonState } from '../envs/env.ts';
import type { Thought } from '../episodes/episode.ts';
import { canonicalSolution, isSolution } from '../envs/formulas/exact-solver.ts';
import type { Expert, Plan } from './expert.ts';
import { continues, handOf } from '../envs/formulas/hand.ts';
import { pairSearch, pairTarget } from '../envs/formulas/pair-search.ts';
import { readWords, searches, type ThoughtTemplate, wordThought } from './solver-thought.ts';
import { nextAction } from '../envs/formulas/formula.ts';

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
    bestPlan(environment, target, template = {}) {
      const state = environment.state();
      if (target !== null && leadsOn(rules, state, target)) return planTo(rules, state, target);
      const { numbers, formula } = handOf(state);
      const found = searches(template) ? pairTarget(numbers, rules, formula) : null;
      const solution = found ?? canonicalSolution(numbers, goal, { operators, prefix: formula });
      return solution === null ? null : planTo(rules, state, solution);
    },
    proposedPlan(environment, thought, template) {
      const state = environment.state();
      const plan = saidPlan(rules, state, thought, template);
      if (plan?.target == null || !leadsOn(rules, state, plan.target)) return null;
      // A search that passes over a result that makes the goal is wrong.
      const { numbers, formula } = handOf(state);
      const first = searches(template) ? pairTarget(numbers, rules, formula) : null;
      return first === null || first === plan.target ? plan : null;
    },
    /** Adds all numbers in order. */
    naivePlan(environment) {
      const state = environment.state();
      return planTo(rules, state, [...handOf(state).numbers].sort((a, b) => a - b).join('+'));
    },
  };
}

/**
 * The steps to any formula, right or wrong, that begins with what was appended so far; `hasty`: worded by a player who
 * takes the first result.
 */
export function planTo(rules: FormulaRules, state: JsonState, target: string, hasty = false): Plan {
  const { numbers, formula } = handOf(state);
  return {
    target,
    action: nextAction(target, formula.length),
    word: (template) =>
      wordThought(template, state, target, () => pairSearch(target, numbers, rules, formula, { hasty })),
  };
}

/** The plan that a thought proposes, right or not; null where the wording does not name it. */
export function saidPlan(
  rules: FormulaRules,
  state: JsonState,
  thought: Thought,
  template: ThoughtTemplate,
  hasty = false,
): Plan | null {
  const { target } = readWords(template, thought);
  return typeof target === 'string' ? planTo(rules, state, target, hasty) : null;
}
