/** Advantages of episodes from the same start, relative to each other (GRPO, Shao et al., arXiv 2402.03300). */
import type { Metrics } from '../episodes/metrics.ts';

/** `group`: shared by episodes with the same start. `whole`: its return is complete. */
export type PlayedEpisode = { group: number; return: number; whole: boolean };

/** Deviations below this are rounding: all episodes of the group have the same return. */
const LEAST_DEVIATION = 1e-9;

/**
 * (return - mean of its group) / deviation of its group (unbiased), for each episode. null: nothing to learn from,
 * because its group has fewer than `size` whole episodes, or equal returns in all of them, or is not among the groups
 * of largest variance that together make up the share `topP` of it (RAGEN-2's filter; 1: all).
 */
export function compareGroups(
  episodes: readonly PlayedEpisode[],
  { size, topP }: { size: number; topP: number },
): { advantages: (number | null)[]; metrics: Metrics } {
  const groups = [...Map.groupBy(episodes, ({ group }) => group)].map(([group, members]) => {
    const returns = members.map((episode) => episode.return);
    const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
    const variance = returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, returns.length - 1);
    const complete = members.length === size && members.every(({ whole }) => whole);
    return { group, mean, variance, complete };
  });
  const complete = groups.filter((group) => group.complete);
  const varied = complete
    .filter(({ variance }) => Math.sqrt(variance) > LEAST_DEVIATION)
    .sort((a, b) => b.variance - a.variance || a.group - b.group);
  const all = varied.reduce((sum, { variance }) => sum + variance, 0);
  let before = 0;
  const kept = varied.filter(({ variance }) => {
    const isKept = before < topP * all;
    before += variance;
    return isKept;
  });
  const byGroup = new Map(kept.map((group) => [group.group, group]));
  return {
    advantages: episodes.map((episode) => {
      const group = byGroup.get(episode.group);
      return group === undefined ? null : (episode.return - group.mean) / Math.sqrt(group.variance);
    }),
    metrics: {
      'group/count': groups.length,
      'group/kept': kept.length,
      'group/incomplete': groups.length - complete.length,
      'group/withoutVariance': complete.length - varied.length,
      'group/filtered': varied.length - kept.length,
      'group/deviation': varied.length === 0 ? null : Math.sqrt(all / varied.length),
    },
  };
}
