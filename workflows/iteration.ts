/** One iteration of the algorithm box: sample, correct, assemble, update, publish. */
import { defineQuery, executeChild, proxyActivities, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { AssembleBatchResult, BatchActivities } from '../activities/assemble-batch.ts';
import type { CorrectEpisodesResult } from '../activities/correct-episodes-locally.ts';
import type { MetricsActivities } from '../activities/publish-metrics.ts';
import type { RolloutActivities, RolloutWaveResult } from '../activities/roll-out-wave.ts';
import type { UpdateActivities, UpdatePolicyResult } from '../activities/update-policy.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
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
  /** Kept steps that a wave brought so far on average: how far sampling runs ahead of judging. */
  keptPerWave: number | null;
  paused: boolean;
};

export type IterationResult = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  corrections: ArtifactRef;
  keptPerWave: number;
  metrics: AssembleBatchResult['metrics'];
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
  const waves = await sampleAndJudge(input, gate, sample, (kept) => (progress.keptSteps = kept));
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
    iteration: (updated - started) / 1000,
  };
  const metrics = { ...batch.metrics, ...update!.metrics, 'corrector/calls': sum(waves.map(({ judged }) => judged.calls)) };
  await on<MetricsActivities>('orchestrator', 'publish metrics').publishMetrics({
    runId,
    iteration: index,
    startedAt: started,
    config,
    from: input.policy.sha256,
    policy,
    optimizer,
    corrections: batch.corrections,
    metrics: { ...metrics, ...Object.fromEntries(Object.entries(seconds).map(([phase, value]) => [`time/${phase}`, value])) },
    samples: batch.samples,
  });
  return {
    policy,
    optimizer,
    corrections: batch.corrections,
    keptPerWave: sum(waves.map(({ judged }) => judged.keptSteps)) / waves.length,
    metrics,
    seconds: (Date.now() - started) / 1000,
  };
}

/**
 * Waves one after another, each judged while the next is sampled, until the judged ones hold enough kept steps. The waves used are the first
 * that suffice, in their order; a wave sampled ahead beyond them is dropped, so being early or late changes nothing.
 */
async function sampleAndJudge(
  input: IterationInput,
  gate: PauseGate,
  sample: (wave: number) => Promise<RolloutWaveResult>,
  onKept: (keptSteps: number) => void,
): Promise<JudgedWave[]> {
  const needed = input.config.rollout.envStepsPerIteration;
  const waves: { judging: Promise<JudgedWave>; kept: number | null }[] = [];
  for (;;) {
    await gate.pass();
    const wave = await sample(waves.length);
    const entry: (typeof waves)[number] = { kept: null, judging: judge(input, wave).then((judged) => ((entry.kept = judged.keptSteps), { wave, judged })) };
    entry.judging.catch(() => {}); // awaited below; an early failure must not count as unhandled
    waves.push(entry);

    const judged = waves.flatMap(({ kept }) => kept ?? []);
    onKept(sum(judged));
    const perWave = judged.length > 0 ? sum(judged) / judged.length : input.keptPerWave;
    const expected = sum(judged) + (waves.length - judged.length) * (perWave ?? needed);
    if (expected < needed) continue;
    const done = await Promise.all(waves.map(({ judging }) => judging));
    const enough = countUntilEnough(done.map(({ judged }) => judged.keptSteps), needed);
    if (enough !== null) return done.slice(0, enough);
  }
}

function judge(input: IterationInput, wave: RolloutWaveResult): Promise<CorrectEpisodesResult> {
  const { config, iteration: index } = input;
  const { workflowId } = workflowInfo();
  return executeChild(correctWave, { workflowId: `${workflowId}/wave-${wave.wave}`, args: [{ config, iteration: index, wave }], staticSummary: `judge wave ${wave.wave}` });
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
