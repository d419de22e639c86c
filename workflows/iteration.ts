/** One iteration of the algorithm box: sample, correct, assemble, update, publish. */
import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { AssembleBatchResult } from '../activities/assemble-batch.ts';
import type { MeasureThoughtsResult } from '../activities/measure-thoughts.ts';
import type { RolloutWaveResult } from '../activities/roll-out-wave.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { algorithmOf } from '../configs/algorithms.ts';
import type { RunConfig } from '../configs/schema.ts';
import { type CorrectorCounts, correctorMetrics } from '../core/episodes/corrector-counts.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import type { MergedTeacher } from '../core/records/run-records.ts';
import { activitiesOn } from './activities-on.ts';
import { AskingTeacher } from './ask-merged-teacher.ts';
import { PauseGate } from './control.ts';
import { sampleAndJudge } from './sample-and-judge.ts';
import { update } from './update.ts';

export type IterationInput = {
  runId: string;
  config: RunConfig;
  iteration: number;
  /** Iterations of the whole run, for schedules. */
  iterations: number;
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  /** Manifest of the correction rows of all iterations so far; null before the first. */
  corrections: ArtifactRef | null;
  /** Kept steps of a wave of the last iteration on average: how many waves are sampled while none is judged yet. */
  keptPerWave: number | null;
  paused: boolean;
};

export type IterationResult = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  corrections: ArtifactRef;
  keptPerWave: number;
  metrics: AssembleBatchResult['metrics'];
  corrector: CorrectorCounts;
  seconds: number;
};

/** The answer of an iteration's `progress` query. */
export type IterationProgress = { keptSteps: number; envSteps: number; epochs: number; epochsInAll: number };

const iterationProgressQuery = defineQuery<IterationProgress>('progress');

/**
 * Trains the policy on `envStepsPerIteration` kept steps. Results depend on seeds and answers only, never on timing.
 */
export async function iteration(input: IterationInput): Promise<IterationResult> {
  const { config, runId, iteration: index } = input;
  const started = Date.now();
  const gate = new PauseGate(input.paused);
  gate.listen();
  const progress: IterationProgress = {
    keptSteps: 0,
    envSteps: config.rollout.envStepsPerIteration,
    epochs: 0,
    epochsInAll: config.ppo.epochs,
  };
  setHandler(iterationProgressQuery, () => progress);

  const { merged } = algorithmOf(config);
  const merging =
    merged === null
      ? null
      : activitiesOn('orchestrator', config, "a teacher of the run's checkpoints", { longest: '24h' }).mergeCheckpoints(
          {
            config,
            runId,
            iteration: index,
          },
        );
  merging?.catch(() => {}); // awaited below
  const asking = merging === null ? null : new AskingTeacher(merged!, input, merging);

  const { waves, sampledWaves, records, corrector, keptPerWave } = await sampleAndJudge(
    {
      runId,
      config,
      iteration: index,
      gate,
      sample: (wave, soFar) =>
        activitiesOn('gpu', config, `wave ${wave}: sample ${config.rollout.episodesPerWave} episodes`).rolloutWave({
          config,
          iteration: index,
          wave,
          policy: input.policy,
          soFar,
        }),
      onKept: (steps) => (progress.keptSteps += steps),
      onJudged: (wave, judged, missing) => asking?.add(wave, judged, missing),
    },
    input.keptPerWave,
  );
  const sampled = Date.now();

  const judgedWaves = waves.map(({ wave, result }) => ({ wave: wave.episodes, judgements: result.judgements }));
  const teacher = await merging;
  const asked = asking === null ? null : await asking.answers();
  const batch = await activitiesOn('orchestrator', config, 'kept steps, advantages, correction rows').assembleBatch({
    config,
    iteration: index,
    waves: judgedWaves,
    corrections: input.corrections,
    ...(asked === null ? {} : { teacherAnswers: asked.map(({ answers }) => answers) }),
  });
  // Nothing trains on it, so it runs concurrently with the update.
  const measuring = activitiesOn('orchestrator', config, 'metrics of the rollout, samples').measureRollout({
    config,
    iteration: index,
    waves: judgedWaves,
  });
  const measuringThoughts = measureThoughts(input, waves[0].wave);
  for (const one of [measuring, measuringThoughts]) one.catch(() => {}); // awaited below
  const assembled = Date.now();

  const { policy, optimizer, ...updating } = await update({
    task: {
      config,
      iteration: index,
      iterations: input.iterations,
      batch: batch.batch,
      corrections: batch.corrections,
      sampledBy: input.policy.sha256,
    },
    policy: input.policy,
    optimizer: input.optimizer,
    gate,
    onProgress: (epochs, text) => {
      progress.epochs = epochs;
      setCurrentDetails(text);
    },
  });
  const updated = Date.now();
  const thoughts = await measuringThoughts;

  const seconds = {
    sample: sum(sampledWaves.map((wave) => wave.seconds)),
    correct: sum(waves.map(({ result }) => result.seconds)),
    sampleAndCorrect: (sampled - started) / 1000,
    assemble: (assembled - sampled) / 1000,
    ...(asked === null ? {} : { teacher: sum(asked.map((wave) => wave.seconds)) }),
    update: (updated - assembled) / 1000,
    model:
      sum(sampledWaves.map((wave) => wave.modelSeconds)) +
      updating.modelSeconds +
      thoughts.modelSeconds +
      sum((asked ?? []).map((wave) => wave.modelSeconds)),
    gpu: sum([...sampledWaves, ...(asked ?? [])].map((wave) => wave.seconds)) + updating.seconds + thoughts.seconds,
    correctLastWave: waves.at(-1)!.result.seconds,
    iteration: (updated - started) / 1000,
  };
  const speeds = {
    'time/tokensPerSecond': sum(sampledWaves.map((wave) => wave.responseTokens)) / seconds.sample,
    'time/envStepsPerSecond': config.rollout.envStepsPerIteration / seconds.iteration,
  };
  const measured = await measuring;
  const metrics = {
    ...measured.metrics,
    ...batch.metrics,
    ...thoughts.metrics,
    ...(teacher === null ? {} : teacherMetrics(teacher)),
    ...updating.metrics,
    ...correctorMetrics(corrector),
  };
  await activitiesOn('orchestrator', config, 'publish metrics').publishMetrics({
    runId,
    iteration: index,
    startedAt: started,
    config,
    from: input.policy.sha256,
    policy,
    optimizer,
    corrections: batch.corrections,
    metrics: {
      ...metrics,
      ...Object.fromEntries(Object.entries(seconds).map(([phase, value]) => [`time/${phase}`, value])),
      ...speeds,
    },
    samples: measured.samples,
    waves: records,
    keptPerWave,
    ...(teacher === null ? {} : { teacher }),
  });
  return {
    policy,
    optimizer,
    corrections: batch.corrections,
    keptPerWave,
    metrics,
    corrector,
    seconds: (Date.now() - started) / 1000,
  };
}

function teacherMetrics({ checkpoints, factorDistance }: MergedTeacher): Metrics {
  return { 'teacher/checkpoints': checkpoints, 'teacher/factorDistance': factorDistance ?? null };
}

/** Figures of an iteration's first wave. Histories of version 0.1.0 have them in the result of sampling. */
async function measureThoughts(
  { config, iteration: index, policy }: IterationInput,
  { episodes, ...sampled }: RolloutWaveResult & { perplexity?: number | null },
): Promise<MeasureThoughtsResult> {
  if (sampled.perplexity !== undefined)
    return { metrics: { 'thought/perplexity': sampled.perplexity }, seconds: 0, modelSeconds: 0 };
  const summary = 'what thoughts depend on, and how the start model finds them';
  return await activitiesOn('gpu', config, summary).measureThoughts({
    config,
    iteration: index,
    wave: episodes,
    policy,
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
