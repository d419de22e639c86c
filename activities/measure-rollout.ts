/**
 * Metrics and samples of judged waves, about the policy that sampled them. Nothing trains on them, and the update need
 * not wait for them.
 */
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { thoughtReader } from '../core/corrector/thought-reading.ts';
import { gameByName } from '../core/envs/registry.ts';
import type { Episode } from '../core/episodes/episode.ts';
import { interruptionCounts } from '../core/learner/interruption-counts.ts';
import { rolloutMetrics } from '../core/learner/rollout-metrics.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import { type ThoughtSample, thoughtSamples } from '../core/learner/thought-samples.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { type AssembleBatchInput, keptSegments } from './assemble-batch.ts';

export type MeasureRolloutInput = Omit<AssembleBatchInput, 'corrections'>;
export type MeasureRolloutResult = { samples: ArtifactRef; metrics: Metrics };

export function createMeasureActivities({ store }: ActivityDependencies) {
  return {
    measureRollout: activity(
      async ({ config, iteration, waves }: MeasureRolloutInput): Promise<MeasureRolloutResult> => {
        const segments = await keptSegments(store, waves, config.rollout.envStepsPerIteration);
        const game = gameByName(config.environment.name);
        const reader = thoughtReader(
          game,
          game.parseOptions(config.environment.options),
          loadPromptTemplate(config.model.prompt, game.name).thought,
        );
        return {
          samples: await putJson(
            store,
            'samples',
            thoughtSamples(segments, { seed: config.seed, iteration }) satisfies ThoughtSample[],
          ),
          metrics: {
            ...rolloutMetrics(segments, reader, game.outcome),
            ...(game.remote === undefined ? {} : await interruptionMetrics(store, config, waves)),
          },
        };
      },
    ),
  };
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
