/** NumberLine's expert: towards the target. */
import type { Environment } from '../envs/env.ts';
import type { NumberLineState } from '../envs/numberline.ts';
import { actionExpert } from './action-expert.ts';

const stateOf = (environment: Environment) => environment.state() as NumberLineState;

/**
 * Placeholders: {current}, {target}, {relation} whether the plan takes the target to be above or below, {next} the
 * action.
 */
export const numberlineExpert = actionExpert({
  percepts: ['current', 'target'],
  goodActions(environment) {
    const { current, target } = stateOf(environment);
    return [target > current ? '+' : '-'];
  },
  /** Always up. */
  naiveAction: () => '+',
  words(environment, action) {
    const { current, target } = stateOf(environment);
    return { current: String(current), target: String(target), relation: action === '+' ? 'above' : 'below' };
  },
});
