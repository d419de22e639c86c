/** Summarises evaluation episodes. */
import type { Game, JsonState } from '../envs/env.ts';
import { bootstrapInterval, wilsonInterval } from './intervals.ts';
import { type ThoughtMetrics, thoughtMetrics } from './thought-metrics.ts';
import type { InterruptionCounts } from './interruption-counts.ts';
import type { Episode } from '../episodes/episode.ts';

/** A success rate with its 95 % Wilson interval. */
export type SuccessRate = { success: number; low: number; high: number; episodes: number };

/**
 * Success over a set of deals. `groups`: the same for each of the game's groups; `progress`: mean share of the goal
 * reached, where the game measures it.
 */
export type EvaluationPart = SuccessRate & {
  /** Mean sum of an episode's rewards, with its 95 % bootstrap interval. */
  reward: number;
  rewardLow: number;
  rewardHigh: number;
  /** Steps of an episode, on average. */
  length: number;
  legalRate: number;
  wellFormedRate: number;
  progress: number | null;
  groups: Record<string, SuccessRate>;
  /** In a mixture: the same for each environment, by label. */
  byEnvironment?: Record<string, EvaluationPart>;
  /** Only for games that are played elsewhere. */
  interruptions?: InterruptionCounts;
  /** Signs of thought collapse. */
  thought: ThoughtMetrics;
};

export function evaluationPart(
  game: Pick<Game<unknown>, 'outcome'>,
  episodes: readonly Episode[],
  read: Parameters<typeof thoughtMetrics>[1],
): EvaluationPart {
  const rewards = episodes.map(({ steps }) => steps.reduce((sum, { reward }) => sum + reward, 0));
  const outcomes = episodes.map(({ states }, index) =>
    game.outcome({ start: states[0], end: states.at(-1)! }, rewards[index]),
  );
  const groups = Object.groupBy(
    outcomes.filter(({ group }) => group !== null),
    ({ group }) => group!,
  );
  const progress = outcomes.flatMap(({ progress }) => progress ?? []);
  const steps = episodes.flatMap((episode) =>
    episode.steps.map((step, t): { step: typeof step; state: JsonState } => ({ step, state: episode.states[t] })),
  );
  const share = (count: number) => count / steps.length;
  const reward = bootstrapInterval(rewards);
  return {
    ...successRate(outcomes),
    reward: mean(rewards),
    rewardLow: reward.low,
    rewardHigh: reward.high,
    length: steps.length / episodes.length,
    legalRate: share(steps.filter(({ step }) => step.legal).length),
    wellFormedRate: share(steps.filter(({ step }) => step.thought !== null).length),
    progress: progress.length === 0 ? null : mean(progress),
    groups: Object.fromEntries(
      Object.entries(groups)
        .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
        .map(([group, members]) => [group, successRate(members!)]),
    ),
    thought: thoughtMetrics(steps, read),
  };
}

function successRate(outcomes: readonly { success: boolean }[]): SuccessRate {
  const successes = outcomes.filter(({ success }) => success).length;
  return {
    success: successes / outcomes.length,
    ...wilsonInterval(successes, outcomes.length),
    episodes: outcomes.length,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
