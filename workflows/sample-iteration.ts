/** An iteration's samples, made by its own policy or, with `rollout.ahead`, by the one before. */
import type { MeasureThoughtsResult } from '../activities/measure-thoughts.ts';
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import { samplingSettings } from '../configs/sampling-settings.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { Samples, SamplesAhead } from '../core/records/samples.ts';
import { activitiesOn } from './activities-on.ts';
import type { SamplingContext } from './judging.ts';
import { sampleAndJudge } from './sample-and-judge.ts';

/** `keptPerWave`: that of earlier samples, by which waves are planned; null: unknown. */
export type SampleIterationInput = {
  runId: string;
  config: RunConfig;
  iteration: number;
  policy: ArtifactRef;
  keptPerWave: number | null;
} & Pick<SamplingContext, 'gate' | 'onKept' | 'onJudged'>;

/**
 * `thoughts`: measures them, unless that is under way already. With `parallel.waves` it begins as soon as no wave waits
 * for a worker, so that no worker is late for the update.
 */
export async function sampleIteration({
  policy,
  keptPerWave: keptBefore,
  ...place
}: SampleIterationInput): Promise<{ samples: Samples; thoughts: () => Promise<MeasureThoughtsResult> }> {
  const { config, iteration } = place;
  let measuring: Promise<MeasureThoughtsResult> | null = null;
  const thoughts = (firstWave: RolloutWaveResult) => {
    measuring ??= measureThoughts({ config, iteration, policy }, firstWave);
    measuring.catch(() => {}); // whoever asks awaits it
    return measuring;
  };
  const { waves, sampledWaves, records, kept, corrector, keptPerWave } = await sampleAndJudge(
    {
      ...place,
      sample: (wave, soFar) =>
        activitiesOn('gpu', config, `wave ${wave}: sample ${config.rollout.episodesPerWave} episodes`).rolloutWave({
          config,
          iteration,
          wave,
          policy,
          soFar,
        }),
      onQueued: thoughts,
    },
    keptBefore,
  );
  const samples: Samples = {
    sampledBy: policy.sha256,
    waves: records,
    kept,
    corrector,
    keptPerWave,
    responseTokens: sum(sampledWaves.map((wave) => wave.responseTokens)),
    seconds: {
      sample: sum(sampledWaves.map((wave) => wave.seconds)),
      model: sum(sampledWaves.map((wave) => wave.modelSeconds)),
      correct: sum(waves.map(({ result }) => result.seconds)),
      correctLastWave: waves.at(-1)!.result.seconds,
    },
  };
  return { samples, thoughts: () => thoughts(waves[0].wave) };
}

/** Samples for the next iteration while this one updates; `policy`: the one that this iteration began with. */
export async function sampleAhead(input: SampleIterationInput): Promise<SamplesAhead> {
  const { samples, thoughts } = await sampleIteration(input);
  return {
    ...samples,
    settings: samplingSettings(input.config),
    // Now, while the policy is certain to be kept.
    thoughts: await thoughts(),
  };
}

/** Metrics of an iteration's first wave. Histories of version 0.1.0 have them beside what was sampled. */
async function measureThoughts(
  { config, iteration, policy }: Pick<SampleIterationInput, 'config' | 'iteration' | 'policy'>,
  { episodes, ...sampled }: RolloutWaveResult & { perplexity?: number | null },
): Promise<MeasureThoughtsResult> {
  if (sampled.perplexity !== undefined)
    return { metrics: { 'thought/perplexity': sampled.perplexity }, seconds: 0, modelSeconds: 0 };
  const summary = 'what thoughts depend on, and how the start model finds them';
  return await activitiesOn('gpu', config, summary).measureThoughts({ config, iteration, wave: episodes, policy });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
