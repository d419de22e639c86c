/** What the solver knows of a game: the way on from a state. One expert per game (core/corrector/experts.ts). */
import type { Environment } from '../envs/env.ts';
import type { Thought } from '../episodes/episode.ts';
import type { ThoughtTemplate } from './solver-thought.ts';

/** A way on from a state. */
export type Plan = {
  /** The formula that it leads to; null in games without one. */
  target: string | null;
  /** The next action. */
  action: string;
  /** The thought that says so, in a template's wording. */
  word(template: ThoughtTemplate): Thought;
};

/** Only reads environments. */
export interface Expert {
  /** Placeholders of thought templates that stand for what the picture shows. */
  readonly percepts: readonly string[];
  /**
   * The best way on, along `target` while that still leads on; null when nothing leads to success any more. Where the
   * wording holds a search, the way that it finds.
   */
  bestPlan(environment: Environment, target: string | null, template?: ThoughtTemplate): Plan | null;
  /** The continuation that a thought proposes; null if it is not as good as the best. */
  proposedPlan(environment: Environment, thought: Thought, template: ThoughtTemplate): Plan | null;
  /**
   * What a naive player would do: one who sees and says everything correctly but plays badly. For weak demonstrations.
   */
  naivePlan(environment: Environment): Plan;
}
