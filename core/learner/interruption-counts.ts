/** Counts episodes of games played elsewhere that could not continue where they were. */
import type { Episode } from '../episodes/episode.ts';

/** `restarted`: how often episodes were restarted; `dropped`: how many of the `begun` episodes were dropped. */
export type InterruptionCounts = { restarted: number; dropped: number };

export function interruptionCounts(episodes: readonly Episode[], begun: number): InterruptionCounts {
  return {
    restarted: episodes.reduce((sum, { restarts = 0 }) => sum + restarts, 0),
    dropped: begun - episodes.length,
  };
}
