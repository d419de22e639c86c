/** NumberLine's expert: towards the target. */
import type { JsonState } from '../envs/env.ts';
import type { NumberLineState } from '../envs/numberline.ts';
import type { Expert, Plan } from './expert.ts';
import { fillThought, readWords } from './solver-thought.ts';

export const numberlineExpert: Expert = {
  percepts: ['current', 'target'],
  bestPlan(environment) {
    const { current, target } = environment.state() as NumberLineState;
    return planOf(environment.state(), target > current ? '+' : '-');
  },
  proposedPlan(environment, thought, template) {
    const best = this.bestPlan(environment, null)!;
    return readWords(template, thought).next === best.action ? best : null;
  },
  /** Always up. */
  naivePlan: (environment) => planOf(environment.state(), '+'),
};

/**
 * Placeholders: {current}, {target}, {relation} what the plan takes the target to be (above or below), {next} the
 * action.
 */
function planOf(state: JsonState, action: '-' | '+'): Plan {
  const { current, target } = state as NumberLineState;
  const words = {
    current: String(current),
    target: String(target),
    relation: action === '+' ? 'above' : 'below',
    next: action,
  };
  return { target: null, action, word: (template) => fillThought(template, words) };
}
