/** NumberLine's expert: towards the target. */
import type { JsonState } from '../envs/env.ts';
import type { NumberLineState } from '../envs/numberline.ts';
import type { Expert, Plan } from './expert.ts';
import { fillThought } from './solver-thought.ts';

export const numberlineExpert: Expert = {
  bestPlan(environment) {
    const state = environment.state();
    const { current, target } = state as NumberLineState;
    return planOf(state, target > current ? '+' : '-');
  },
  proposedPlan(environment) {
    return this.bestPlan(environment, null);
  },
  /** Always up. */
  naivePlan: (environment) => planOf(environment.state(), '+'),
};

/** Placeholders: {current}, {target}, {relation} what the plan takes the target to be (above or below), {next} the action. */
function planOf(state: JsonState, action: '-' | '+'): Plan {
  const { current, target } = state as NumberLineState;
  const words = { current: String(current), target: String(target), relation: action === '+' ? 'above' : 'below', next: action };
  return { target: null, action, word: (template) => fillThought(template, words) };
}
