/** The solver's knowledge of a game: plans from a state. One expert per game (core/corrector/experts.ts). */
import type { Environment } from '../envs/env.ts';
import type { Thought } from '../episodes/episode.ts';
import type { ThoughtTemplate } from './solver-thought.ts';

/** A plan from a state. */
export type Plan = {
  /** The formula that it leads to; null in games without one. */
  target: string | null;
  /** The next action. */
  action: string;
  /** The thought that expresses it, in a template's wording. */
  word(template: ThoughtTemplate): Thought;
};

/** Only reads environments. */
export interface Expert {
  /** Placeholders of thought templates that stand for what the picture shows. */
  readonly percepts: readonly string[];
  /**
   * The best plan, towards `target` while that can still be reached; null when nothing leads to success any more. If
   * the wording holds a search, the plan that the search finds.
   */
  bestPlan(environment: Environment, target: string | null, template?: ThoughtTemplate): Plan | null;
  /** The continuation that a thought proposes; null if it is not as good as the best. */
  proposedPlan(environment: Environment, thought: Thought, template: ThoughtTemplate): Plan | null;
  /**
   * The plan of a naive player, who describes everything correctly but plays badly. For weak demonstrations.
   */
  naivePlan(environment: Environment): Plan;
}
