/**
 * Metrics and thought samples of judged waves. Nothing trains on them, so the update need not wait for them.
 */
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { labelOf, ownConfig } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { configuredReader } from '../core/corrector/thought-reading.ts';
import { environmentOf, ownEpisode } from '../core/envs/mixture.ts';
import { gameByName } from '../core/envs/registry.ts';
import { gameOf } from '../core/envs/with-history.ts';
import type { Episode } from '../core/episodes/episode.ts';
import type { KeptSegment } from '../core/learner/kept-steps.ts';
import { interruptionCounts } from '../core/learner/interruption-counts.ts';
import { rolloutMetrics } from '../core/learner/rollout-metrics.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import { type ThoughtSample, thoughtSamples } from '../core/learner/thought-samples.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { type AssembleBatchInput, keptSegments } from './assemble-batch.ts';

export type MeasureRolloutInput = Omit<AssembleBatchInput, 'corrections'>;
export type MeasureRolloutResult = { samples: ArtifactRef; metrics: Metrics };

export function createMeasureActivities({ store }: ActivityDependencies) {
  return {
    measureRollout: activity(
      async ({ config, iteration, waves }: MeasureRolloutInput): Promise<MeasureRolloutResult> => {
        const segments = await keptSegments(store, waves, config.rollout.envStepsPerIteration);
        const game = gameOf(config);
        return {
          samples: await putJson(
            store,
            'samples',
            thoughtSamples(segments, { seed: config.seed, iteration }) satisfies ThoughtSample[],
          ),
          metrics: {
            ...rolloutMetrics(segments, configuredReader(config), game.outcome),
            ...environmentMetrics(config, segments),
            ...(game.remote === undefined ? {} : await interruptionMetrics(store, config, waves)),
          },
        };
      },
    ),
  };
}

/** For a mixture, also each environment alone, as `<label>/episode/success`, and the stage of its curriculum. */
function environmentMetrics(config: RunConfig, segments: readonly KeptSegment[]): Metrics {
  const { environments = [], rollout } = config;
  const apart = environments.map((environment, index) => {
    const own = segments.filter(({ episode }) => environmentOf(episode.states[0]) === index);
    const { outcome } = gameByName(environment.name);
    const metrics = rolloutMetrics(
      own.map((segment) => ({ ...segment, episode: ownEpisode(config, segment.episode).episode })),
      configuredReader(ownConfig(config, index)),
      outcome,
    );
    const label = labelOf(environment);
    return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${label}/${name}`, value]));
  });
  return Object.assign(
    {},
    ...apart,
    rollout.curriculum === undefined ? {} : { 'curriculum/stage': rollout.curriculum.stage },
  );
}

async function interruptionMetrics(
  store: ArtifactStore,
  { rollout }: MeasureRolloutInput['config'],
  waves: MeasureRolloutInput['waves'],
): Promise<Metrics> {
  const episodes = await Promise.all(waves.map(({ wave }) => getJson<Episode[]>(store, wave)));
  const { restarted, dropped } = interruptionCounts(episodes.flat(), waves.length * rollout.episodesPerWave);
  return { 'episode/restarted': restarted, 'episode/dropped': dropped };
}

export type MeasureActivities = ReturnType<typeof createMeasureActivities>;
