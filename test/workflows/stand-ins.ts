/**
 * The real workflows on a real server with fast stand-in activities, for tests of the workflows alone (commands,
 * histories, steering).
 */
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { BatchActivities } from '../../activities/assemble-batch.ts';
import type { CorrectionActivities } from '../../activities/correct-episodes-locally.ts';
import type { ThoughtActivities } from '../../activities/correct-thought.ts';
import type { EstimateActivities } from '../../activities/estimate-kept-steps.ts';
import type { EvaluationActivities } from '../../activities/evaluate-policy.ts';
import { searchAttributeActivities } from '../../activities/find-search-attributes.ts';
import type { DemonstrationActivities } from '../../activities/make-demonstrations.ts';
import type { PreparationActivities } from '../../activities/prepare-run.ts';
import type { MeasureActivities } from '../../activities/measure-rollout.ts';
import type { ThoughtMeasureActivities } from '../../activities/measure-thoughts.ts';
import type { MetricsActivities, PublishMetricsInput } from '../../activities/publish-metrics.ts';
import type { ReviewActivities } from '../../activities/review-wave.ts';
import type { RolloutActivities } from '../../activities/roll-out-wave.ts';
import type { SupervisedActivities } from '../../activities/train-on-demonstrations.ts';
import type { UpdateActivities } from '../../activities/update-policy.ts';
import type { ArtifactRef } from '../../core/artifacts/store.ts';
import { asksPaidTeacher } from '../../configs/teachers.ts';
import { NO_COUNTS } from '../../core/episodes/corrector-counts.ts';
import { temporalCliPath } from '../../scripts/temporal-cli.ts';
import { WORKFLOWS_PATH } from '../../workers/orchestrator.ts';
import { queueOf } from '../../workflows/queues.ts';

type GpuActivities = PreparationActivities &
  RolloutActivities &
  ThoughtMeasureActivities &
  UpdateActivities &
  EvaluationActivities &
  SupervisedActivities;
type OrchestratorActivities = ReviewActivities &
  BatchActivities &
  MeasureActivities &
  MetricsActivities &
  DemonstrationActivities &
  EstimateActivities &
  typeof searchAttributeActivities;

/**
 * What is played: kept steps that every wave brings, `likelyPerWave` if a paid teacher keeps fewer than likely;
 * `thoughtsPerEpisode`: thoughts of each of its 64 episodes that a paid teacher is asked about; `parts`: in which a
 * wave is sampled for it; `onPart`: before each (from 1) of a wave; `onMeasure`: before thoughts are measured;
 * `onThought`: before each thought; `onJudge`: before a free teacher judges a wave; `onPublish`: is given each
 * iteration's record; `thoughtsAtOnce`: thoughts being judged at the same time. `workflowsPath`: of the orchestrator,
 * if not the product's.
 */
export type StandInPlay = {
  keptPerWave: number;
  likelyPerWave?: number;
  thoughtsPerEpisode?: number;
  parts?: number;
  onPart?: (part: number, wave: number) => Promise<void>;
  onMeasure?: () => void;
  onThought?: () => Promise<void>;
  onPublish?: (record: PublishMetricsInput) => void;
  onJudge?: () => void;
  thoughtsAtOnce?: number;
  workflowsPath?: string;
};

/** Thoughts judged of each episode, by the hash of the review. */
type Reviews = Map<string, number[]>;

const EPISODES = 64;
const PART_SECONDS = 12.5;

export type StandInServer = { client: Client; environment: TestWorkflowEnvironment; stop(): Promise<void> };

/** A run for stand-ins: one iteration of 1,024 kept steps without evaluation, and `changes`. */
export const standInConfig = (changes: object = {}): RunConfig =>
  parseConfig(
    runConfigSchema,
    {
      environment: { name: 'points24' },
      model: { base: 'models/points24-tiny', prompt: 'points24-tiny' },
      envSteps: 1024,
      evaluation: { episodes: 0 },
      ...changes,
    },
    'test',
  );

/** A server without any set-up for the product, not even its search attributes, unless `extraArgs` add them. */
export async function startServer(extraArgs: string[] = []): Promise<StandInServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: temporalCliPath() }, extraArgs },
  });
  return { client: environment.client, environment, stop: () => environment.teardown() };
}

/**
 * Runs `body` while workers with stand-in activities poll `taskQueue` and its queues. `all`: options of each worker.
 */
export async function withStandIns<T>(
  { environment }: StandInServer,
  taskQueue: string,
  play: StandInPlay,
  body: () => Promise<T>,
  all: Partial<WorkerOptions> = {},
): Promise<T> {
  const create = (queue: string, activities: object, options: Partial<WorkerOptions> = {}) =>
    Worker.create({ connection: environment.nativeConnection, taskQueue: queue, activities, ...options, ...all });
  const reviews: Reviews = new Map();
  const workers = await Promise.all([
    create(taskQueue, orchestratorActivities(play, reviews), { workflowsPath: play.workflowsPath ?? WORKFLOWS_PATH }),
    create(queueOf('gpu', taskQueue), gpuActivities(play)),
    create(queueOf('corrector', taskQueue), correctorActivities(play, reviews), {
      maxConcurrentActivityTaskExecutions: play.thoughtsAtOnce ?? 100,
    }),
  ]);
  const [first, ...others] = workers;
  const running = others.map((worker) => worker.run());
  try {
    return await first.runUntil(body);
  } finally {
    for (const worker of others) worker.shutdown();
    await Promise.all(running);
  }
}

/** A reference derived from its meaning: the same place in a run gives the same reference. */
function reference(kind: string, ...place: unknown[]): ArtifactRef {
  return {
    sha256: createHash('sha256')
      .update(JSON.stringify([kind, place]))
      .digest('hex'),
    bytes: 1_000_000,
    kind,
  };
}

const RATE = { success: 0.143, low: 0.108, high: 0.188, episodes: 300 };
const THOUGHT = {
  selfBleu2: 0.71,
  distinctPerState: 1.31,
  perceptionRate: 0.99,
  validGoalRate: 0.31,
  agreementRate: 0.97,
};
const GROUPS = { '1-to-9-solutions': RATE, '10-to-24-solutions': RATE, '25-or-more-solutions': RATE };
const EVALUATION = {
  ...RATE,
  reward: 4.25,
  rewardLow: 3.91,
  rewardHigh: 4.61,
  length: 6.31,
  legalRate: 0.99,
  wellFormedRate: 0.98,
  progress: null,
  groups: GROUPS,
  thought: THOUGHT,
  heldOut: null,
  greedy: null,
};

function gpuActivities({ parts = 1, onPart, onMeasure }: StandInPlay): GpuActivities {
  return {
    prepareRun: async ({ config: { seed } }) => ({
      policy: reference('policy', seed),
      optimizer: reference('optimizer', seed),
      modelSha256: '0'.repeat(64),
      trainedParameters: 470_000,
      store: 'store',
    }),
    rolloutWave: async ({ config, iteration, wave, policy, soFar }) => {
      const part = Math.round((soFar?.seconds ?? 0) / PART_SECONDS) + 1;
      await onPart?.(part, wave);
      const paid = asksPaidTeacher(config);
      const over = !paid || part === parts;
      return {
        wave,
        over,
        episodes: reference('episodes', iteration, wave, policy.sha256, part),
        envSteps: over ? 640 : (640 * part) / parts,
        responseTokens: 64_000,
        seconds: PART_SECONDS * part,
        modelSeconds: 11.5 * part,
      };
    },
    measureThoughts: async () => {
      onMeasure?.();
      return { metrics: { 'thought/perplexity': 1.9 }, seconds: 1.5, modelSeconds: 1.25 };
    },
    updatePolicy: async ({ policy, iteration, epoch, batch, config }) => ({
      policy: reference('policy', policy.sha256, iteration, epoch, batch.sha256, config.optimizer.lr),
      optimizer: reference('optimizer', policy.sha256, iteration, epoch),
      metrics: numbered('update', 12),
      seconds: 40.5,
      modelSeconds: 39.5,
    }),
    evaluatePolicy: async () => EVALUATION,
    prepareSupervised: async ({ config: { seed } }) => ({
      model: 'models/new',
      policy: reference('policy', seed),
      optimizer: reference('optimizer', seed),
    }),
    trainOnDemonstrations: async ({ policy, until }) => ({
      policy: reference('policy', policy.sha256, until),
      optimizer: reference('optimizer', policy.sha256, until),
      loss: 1 / until,
    }),
    saveCheckpoint: async ({ out }) => ({ folder: out }),
    evaluateCheckpoint: async () => EVALUATION,
  };
}

function orchestratorActivities(
  { keptPerWave, likelyPerWave = keptPerWave, thoughtsPerEpisode = 1, onPublish }: StandInPlay,
  reviews: Reviews,
): OrchestratorActivities {
  return {
    ...searchAttributeActivities, // the real one: it asks the server
    assembleBatch: async ({ iteration, waves, corrections }) => ({
      batch: reference('batch', iteration, waves),
      corrections: reference('corrections', iteration, corrections),
      metrics: { ...numbered('batch', 14), 'corrections/rows': 300 * (iteration + 1) },
    }),
    measureRollout: async ({ iteration, waves }) => ({
      samples: reference('samples', iteration, waves),
      metrics: {
        ...numbered('rollout', 26),
        'episode/success': 0.125,
        'episode/reward/mean': 1.5,
        'episode/count': 210,
        'thought/correctedRate': 0.5,
      },
    }),
    reviewWave: async ({ iteration, wave, needed, context, judged }) => {
      const before = context === null ? new Array<number>(EPISODES).fill(0) : reviews.get(context.sha256)!;
      const counts = before.map((count, slot) => judged[slot]?.bytes ?? count);
      const upTo = Math.ceil((thoughtsPerEpisode * wave.envSteps) / 640);
      const review = reference('judging', iteration, wave, counts);
      reviews.set(review.sha256, counts);
      const all = counts.every((count) => count === thoughtsPerEpisode);
      return {
        context: review,
        episodes: counts.map((count) => ({ judged: count, upTo, done: count === thoughtsPerEpisode })),
        thoughtUsd: 0.01,
        counts: NO_COUNTS,
        closed:
          wave.over && all
            ? {
                judgements: reference('judgements', review),
                keptSteps: Math.min(needed, keptPerWave),
                whole: needed >= keptPerWave,
              }
            : null,
      };
    },
    estimateKeptSteps: async () => likelyPerWave,
    publishMetrics: async (record) => {
      onPublish?.(record);
      return null;
    },
    recordOutcome: async () => null,
    makeDemonstrations: async ({ config }) => reference('demonstrations', config.seed),
  };
}

function correctorActivities(
  { keptPerWave, thoughtsPerEpisode = 1, onThought, onJudge }: StandInPlay,
  reviews: Reviews,
): CorrectionActivities & ThoughtActivities {
  return {
    correctEpisodesLocally: async ({ wave }) => {
      onJudge?.();
      return {
        judgements: reference('judgements', wave.episodes.sha256),
        keptSteps: keptPerWave,
        counts: { ...NO_COUNTS, calls: 640 },
        seconds: 0.25,
      };
    },
    checkTeacher: async () => null,
    // The size of the reference counts the thoughts so far.
    correctThought: async ({ context, slot, progress }) => {
      await onThought?.();
      const judged = (progress?.bytes ?? reviews.get(context.sha256)![slot]) + 1;
      return {
        progress: { ...reference('judged-episode', slot, judged), bytes: judged },
        judged,
        done: judged === thoughtsPerEpisode,
        counts: {
          ...NO_COUNTS,
          calls: 1,
          requests: 2,
          tokensIn: 2400,
          tokensOut: 180,
          costUsd: 0.0078,
          seconds: 9.5,
          slowestSeconds: 9.5,
        },
      };
    },
  };
}

/** As many metrics as an iteration has. */
function numbered(prefix: string, count: number): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${prefix}/metric/number/${index}`, Math.sqrt(index + 1)]),
  );
}
