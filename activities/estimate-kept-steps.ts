/** Estimates how many steps of a wave a paid teacher will keep, to plan the number of waves. */
import { getJson } from '../core/artifacts/codecs.ts';
import { likelyKept } from '../core/corrector/needed-steps.ts';
import type { Episode } from '../core/episodes/episode.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { CorrectEpisodesInput } from './correct-episodes-locally.ts';

export function createEstimateActivities({ store }: ActivityDependencies) {
  return {
    /** Kept steps of a complete wave, according to the exact solver. */
    estimateKeptSteps: activity(async ({ config, iteration, wave }: CorrectEpisodesInput): Promise<number> => {
      const episodes = await getJson<Episode[]>(store, wave.episodes);
      const over = episodes.map(() => true);
      const likely = await likelyKept(config, iteration, episodes, over);
      return likely.reduce((sum, { steps }) => sum + steps, 0);
    }),
  };
}

export type EstimateActivities = ReturnType<typeof createEstimateActivities>;
