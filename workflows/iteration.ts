/** One iteration of the algorithm box: sample, correct, assemble, update, publish. */
import { defineQuery, proxyActivities, setCurrentDetails, setHandler, startChild, workflowInfo } from '@temporalio/workflow';
import type { AssembleBatchResult, BatchActivities } from '../activities/assemble-batch.ts';
import type { CorrectEpisodesResult } from '../activities/correct-episodes-locally.ts';
import type { WaveRecord } from '../activities/run-records.ts';
import type { MetricsActivities } from '../activities/publish-metrics.ts';
import type { RolloutActivities, RolloutWaveResult } from '../activities/roll-out-wave.ts';
import type { UpdateActivities, UpdatePolicyResult } from '../activities/update-policy.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { addCounts, type CorrectorCounts, correctorMetrics, NO_COUNTS } from '../learner/corrector-counts.ts';
import { PauseGate } from './control.ts';
import { correctWave } from './correct-wave.ts';
import { activityOptions } from './queues.ts';

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

export const iterationProgressQuery = defineQuery<IterationProgress>('progress');

type JudgedWave = { wave: RolloutWaveResult; judged: CorrectEpisodesResult };

/** Trains the policy on `envStepsPerIteration` kept steps. Results depend on seeds and answers only, never on timing. */
export async function iteration(input: IterationInput): Promise<IterationResult> {
  const { config, runId, iteration: index } = input;
  const started = Date.now();
  const gate = new PauseGate(input.paused);
  gate.listen();
  const progress: IterationProgress = { keptSteps: 0, envSteps: config.rollout.envStepsPerIteration, epochs: 0, epochsInAll: config.ppo.epochs };
  setHandler(iterationProgressQuery, () => progress);
  const on = <A>(role: 'gpu' | 'orchestrator', summary: string) =>
    proxyActivities<A>({ ...activityOptions(role, workflowInfo(), config.durability.heartbeatSeconds), summary });

  const sample = (wave: number) => on<RolloutActivities>('gpu', `wave ${wave}: sample ${config.rollout.episodesPerWave} episodes`).rolloutWave({ config, iteration: index, wave, policy: input.policy });
  const judge = async (wave: RolloutWaveResult): Promise<CorrectEpisodesResult> => {
    const { paused } = gate;
    const child = await startChild(correctWave, {
      workflowId: `${workflowInfo().workflowId}/wave-${wave.wave}`,
      args: [{ config, iteration: index, wave, runId, paused }],
      staticSummary: `judge wave ${wave.wave}`,
    });
    const judged = await gate.passOn(child, paused, child.result());
    progress.keptSteps += judged.keptSteps;
    return judged;
  };
  const { waves, dropped, corrector } = await sampleAndJudge(input, gate, sample, judge);
  const sampled = Date.now();

  const batch = await on<BatchActivities>('orchestrator', 'kept steps, advantages, correction rows').assembleBatch({
    config,
    iteration: index,
    waves: waves.map(({ wave, judged }) => ({ wave: wave.episodes, judgements: judged.judgements })),
    corrections: input.corrections,
  });
  const assembled = Date.now();

  let { policy, optimizer } = input;
  let update: UpdatePolicyResult | null = null;
  const epochs = { seconds: 0, modelSeconds: 0 };
  for (let epoch = 0; epoch < config.ppo.epochs; epoch++) {
    await gate.pass();
    update = await on<UpdateActivities>('gpu', `epoch ${epoch + 1} of ${config.ppo.epochs}`).updatePolicy({
      config,
      iteration: index,
      iterations: input.iterations,
      epoch,
      batch: batch.batch,
      corrections: batch.corrections,
      policy,
      optimizer,
      sampledBy: input.policy.sha256,
    });
    ({ policy, optimizer } = update);
    epochs.seconds += update.seconds;
    epochs.modelSeconds += update.modelSeconds;
    progress.epochs = epoch + 1;
    setCurrentDetails(`epoch ${epoch + 1} of ${config.ppo.epochs} done`);
  }
  const updated = Date.now();

  const seconds = {
    sample: sum(waves.map(({ wave }) => wave.seconds)),
    correct: sum(waves.map(({ judged }) => judged.seconds)),
    sampleAndCorrect: (sampled - started) / 1000,
    assemble: (assembled - sampled) / 1000,
    update: (updated - assembled) / 1000,
    model: sum(waves.map(({ wave }) => wave.modelSeconds)) + epochs.modelSeconds,
    gpu: sum(waves.map(({ wave }) => wave.seconds)) + epochs.seconds,
    correctLastWave: waves.at(-1)!.judged.seconds,
    iteration: (updated - started) / 1000,
  };
  const speeds = {
    'time/tokensPerSecond': sum(waves.map(({ wave }) => wave.responseTokens)) / seconds.sample,
    'time/envStepsPerSecond': config.rollout.envStepsPerIteration / seconds.iteration,
  };
  const metrics = { ...batch.metrics, 'thought/perplexity': waves[0].wave.perplexity, ...update!.metrics, ...correctorMetrics(corrector) };
  await on<MetricsActivities>('orchestrator', 'publish metrics').publishMetrics({
    runId,
    iteration: index,
    startedAt: started,
    config,
    from: input.policy.sha256,
    policy,
    optimizer,
    corrections: batch.corrections,
    metrics: { ...metrics, ...Object.fromEntries(Object.entries(seconds).map(([phase, value]) => [`time/${phase}`, value])), ...speeds },
    samples: batch.samples,
    waves: [...waves.map((wave) => waveRecord(wave, true)), ...dropped.map((wave) => waveRecord(wave, false))],
  });
  return {
    policy,
    optimizer,
    corrections: batch.corrections,
    keptPerWave: sum(waves.map(({ judged }) => judged.keptSteps)) / waves.length,
    metrics,
    corrector,
    seconds: (Date.now() - started) / 1000,
  };
}

/**
 * Waves one after another, each judged while the next are sampled, until the judged ones hold enough kept steps. As many as should suffice, by what waves
 * held so far, are sampled without waiting for verdicts; then, if they did not suffice, as many more. The waves used are the first that suffice, in their
 * order. Which are sampled and used follows from verdicts alone, never from timing, so that it costs the same whatever dies. `corrector`: of all waves.
 */
async function sampleAndJudge(
  input: IterationInput,
  gate: PauseGate,
  sample: (wave: number) => Promise<RolloutWaveResult>,
  judge: (wave: RolloutWaveResult) => Promise<CorrectEpisodesResult>,
): Promise<{ waves: JudgedWave[]; dropped: JudgedWave[]; corrector: CorrectorCounts }> {
  const needed = input.config.rollout.envStepsPerIteration;
  const waves: Promise<JudgedWave>[] = [];
  let { keptPerWave } = input;
  for (let kept = 0; ; ) {
    const more = keptPerWave === null ? 1 : Math.max(1, Math.ceil((needed - kept) / keptPerWave));
    for (let i = 0; i < more; i++) {
      await gate.pass();
      const wave = await sample(waves.length);
      const judged = judge(wave).then((result) => ({ wave, judged: result }));
      judged.catch(() => {}); // awaited below; an early failure must not count as unhandled
      waves.push(judged);
    }
    const done = await Promise.all(waves);
    kept = sum(done.map(({ judged }) => judged.keptSteps));
    const enough = countUntilEnough(done.map(({ judged }) => judged.keptSteps), needed);
    if (enough !== null) return { waves: done.slice(0, enough), dropped: done.slice(enough), corrector: done.reduce((counts, { judged }) => addCounts(counts, judged.counts), NO_COUNTS) };
    keptPerWave = kept / done.length;
  }
}

function waveRecord({ wave, judged }: JudgedWave, used: boolean): WaveRecord {
  return { episodes: wave.episodes, judgements: judged.judgements, used };
}

/** How many of the counts, in order, reach `needed`; null when all together do not. */
function countUntilEnough(counts: readonly number[], needed: number): number | null {
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    if (total >= needed) return index + 1;
  }
  return null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
