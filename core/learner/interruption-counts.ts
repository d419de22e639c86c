/** How often episodes of games that are played elsewhere could not go on where they were. */
import type { Episode } from '../episodes/episode.ts';

/** `restarted`: times that episodes began anew; `dropped`: of the `begun` episodes those that were left out. */
export type InterruptionCounts = { restarted: number; dropped: number };

export function interruptionCounts(episodes: readonly Episode[], begun: number): InterruptionCounts {
  return {
    restarted: episodes.reduce((sum, { restarts = 0 }) => sum + restarts, 0),
    dropped: begun - episodes.length,
  };
}
