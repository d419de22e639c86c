/** Rewards and the end of an ALFWorld episode (spec.md section 6). */
import type { EnvironmentStop, StepResult } from '../env.ts';
import type { GoalConditions } from './goal-conditions.ts';

const WON_REWARD = 50;
/** Added when no admissible command could be read. */
const UNREADABLE_REWARD = -1;
/** Takes the place of the step's reward when the episode is cut. */
export const CUT_REWARD = -3;
/** An episode that takes more actions than this is cut. */
const MOST_ACTIONS = 40;
/** This many equal actions in a row cut the episode. */
const EQUAL_ACTIONS = 5;

/** Whether an episode is cut after these actions: it took too many, or repeats itself. */
export function isCut(actions: readonly string[]): boolean {
  const last = actions.slice(-EQUAL_ACTIONS);
  return actions.length > MOST_ACTIONS || (last.length === EQUAL_ACTIONS && last.every((action) => action === last[0]));
}

/**
 * The reward of the last action and whether the episode is over: 50 when won, plus the share of goal conditions met,
 * less 1 for an action that was drawn at random; -3 at a cut.
 */
export function judgeStep(
  actions: readonly string[],
  won: boolean,
  { met, total }: GoalConditions,
  drawn = false,
): StepResult {
  if (isCut(actions)) return { reward: CUT_REWARD, stop: 'truncated' };
  const stop: EnvironmentStop | null = won ? 'terminated' : null;
  return { reward: (won ? WON_REWARD : 0) + met / total + (drawn ? UNREADABLE_REWARD : 0), stop };
}
