/** One iteration of the algorithm box: sample, correct, assemble, update, publish. */
import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { AssembleBatchResult } from '../activities/assemble-batch.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { algorithmOf } from '../configs/algorithms.ts';
import { samplingSettings } from '../configs/sampling-settings.ts';
import type { RunConfig } from '../configs/schema.ts';
import { addCounts, type CorrectorCounts, correctorMetrics } from '../core/episodes/corrector-counts.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import type { MergedTeacher } from '../core/records/run-records.ts';
import type { SamplesAhead } from '../core/records/samples.ts';
import { activitiesOn } from './activities-on.ts';
import { AskingTeacher } from './ask-merged-teacher.ts';
import { PauseGate } from './control.ts';
import { sampleAhead, sampleIteration } from './sample-iteration.ts';
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
  /** Average kept steps of a wave in the last iteration, to plan waves before any is judged. */
  keptPerWave: number | null;
  /** Samples that the iteration before made for this one. */
  ahead?: SamplesAhead;
  paused: boolean;
};

export type IterationResult = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  corrections: ArtifactRef;
  keptPerWave: number;
  /** For the next iteration. */
  ahead?: SamplesAhead;
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
  const carried = input.ahead ?? null;
  const usable = carried !== null && carried.settings === samplingSettings(config) ? carried : null;
  const sampledBy = usable?.sampledBy ?? input.policy.sha256;
  const asking =
    merging === null ? null : new AskingTeacher(merged!, { ...input, policy: { sha256: sampledBy } }, merging);

  const own =
    usable === null
      ? await sampleIteration({
          ...input,
          gate,
          onKept: (steps) => (progress.keptSteps += steps),
          onJudged: (wave, judged, missing) => asking?.add(wave, judged, missing),
        })
      : null;
  if (usable !== null) askAbout(usable, config, asking);
  const samples = usable ?? own!.samples;
  const { keptPerWave } = samples;
  // Samples that a change of the configuration made useless were still paid for.
  const corrector =
    carried === null || usable !== null ? samples.corrector : addCounts(carried.corrector, samples.corrector);
  progress.keptSteps = progress.envSteps;
  const sampled = Date.now();

  const judgedWaves = samples.waves
    .filter(({ used }) => used)
    .map(({ episodes, judgements }) => ({ wave: episodes, judgements }));
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
  const measuringThoughts = own === null ? Promise.resolve(usable!.thoughts) : own.thoughts();
  for (const one of [measuring, measuringThoughts]) one.catch(() => {}); // awaited below
  const assembled = Date.now();
  const samplingAhead =
    config.rollout.ahead === 1 && index + 1 < input.iterations
      ? sampleAhead({ ...input, iteration: index + 1, keptPerWave, gate, onKept: () => {} })
      : null;
  samplingAhead?.catch(() => {}); // awaited below

  const { policy, optimizer, ...updating } = await update({
    task: {
      config,
      iteration: index,
      iterations: input.iterations,
      batch: batch.batch,
      corrections: batch.corrections,
      sampledBy,
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
  const ahead = await samplingAhead;
  const ended = ahead === null ? updated : Date.now();

  const { sample, correct, correctLastWave } = samples.seconds;
  const seconds = {
    sample,
    correct,
    sampleAndCorrect: (sampled - started) / 1000,
    assemble: (assembled - sampled) / 1000,
    ...(asked === null ? {} : { teacher: sum(asked.map((wave) => wave.seconds)) }),
    update: (updated - assembled) / 1000,
    model:
      samples.seconds.model +
      updating.modelSeconds +
      thoughts.modelSeconds +
      sum((asked ?? []).map((wave) => wave.modelSeconds)),
    gpu: sample + sum((asked ?? []).map((wave) => wave.seconds)) + updating.seconds + thoughts.seconds,
    correctLastWave,
    ...(updating.exchangeSeconds === undefined ? {} : { exchange: updating.exchangeSeconds }),
    iteration: (ended - started) / 1000,
  };
  const speeds = {
    'time/tokensPerSecond': samples.responseTokens / sample,
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
    ...(config.rollout.ahead === 1 ? { 'rollout/staleness': usable === null ? 0 : 1 } : {}),
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
    waves: samples.waves,
    ...(ahead === null ? {} : { ahead }),
    keptPerWave,
    ...(teacher === null ? {} : { teacher }),
  });
  return {
    policy,
    optimizer,
    corrections: batch.corrections,
    ...(ahead === null ? {} : { ahead }),
    keptPerWave,
    metrics,
    corrector,
    seconds: (Date.now() - started) / 1000,
  };
}

function teacherMetrics({ checkpoints, factorDistance }: MergedTeacher): Metrics {
  return { 'teacher/checkpoints': checkpoints, 'teacher/factorDistance': factorDistance ?? null };
}

/** Asks the merged teacher about waves that were sampled before there was one. */
function askAbout({ waves, kept }: SamplesAhead, { rollout }: RunConfig, asking: AskingTeacher | null): void {
  let missing = rollout.envStepsPerIteration;
  for (const [wave, steps] of kept.entries()) {
    const { episodes, judgements } = waves[wave];
    const left = missing;
    asking?.add(
      { wave, episodes },
      () => Promise.resolve({ judgements }),
      () => Promise.resolve(left),
    );
    missing -= steps;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
