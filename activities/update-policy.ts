/** One PPO epoch on the GPU worker. */
import { getJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { algorithmOf } from '../configs/algorithms.ts';
import type { RunConfig } from '../configs/schema.ts';
import { trainingGame } from '../core/envs/with-history.ts';
import type { CorrectionManifest, CorrectionRow } from '../core/learner/batch.ts';
import { cosineLearningRate, sftAnnealing } from '../core/learner/schedule.ts';
import {
  type EpochInput,
  type EpochState,
  type EpochSums,
  optimizerSteps,
  updateEpoch,
} from '../core/learner/update-epoch.ts';
import type { Agent } from '../core/policy/agent.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import type { Batch } from './assemble-batch.ts';
import { getOptimizer, getPolicy, putState } from '../core/records/policy-state.ts';
import { Pace, rounded } from './pace.ts';
import { sampledFor } from './roll-out-wave.ts';
import { releaseWork, type WorkSlot, ResumePoints, resultOwner } from './resume-points.ts';

/** Which epoch of which iteration, and what it trains on. */
export type UpdateTask = {
  config: RunConfig;
  iteration: number;
  /** Iterations of the whole run. */
  iterations: number;
  epoch: number;
  batch: ArtifactRef;
  corrections: ArtifactRef;
  /** Hash of the policy that must have sampled them. */
  sampledBy: string;
};
export type UpdatePolicyInput = UpdateTask & { policy: ArtifactRef; optimizer: ArtifactRef };
export type UpdatePolicyResult = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  metrics: Record<string, number | null>;
  seconds: number;
  modelSeconds: number;
};

/** A sample of a policy other than the one that is updated. */
class StaleSampleError extends Error {
  override name = 'StaleSampleError';
}

type ResumePoint = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  step: number;
  skippedInARow: number;
  sums: EpochSums;
};

export function createUpdateActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    updatePolicy: activity(
      async (input: UpdatePolicyInput, beat: Heartbeat<ResumePoint>): Promise<UpdatePolicyResult> => {
        const { config, iteration, epoch } = input;
        const started = performance.now();
        beat.tell({ doing: 'opening the policy' });
        const agent = await agents.get(config);
        const before = agent.engine.seconds;
        const points = new ResumePoints(beat, store, epochName(epoch), config.durability);
        const load = async (point: ResumePoint): Promise<EpochState> => ({
          ...point,
          parameters: await getPolicy(store, agent.engine, point.policy),
          adam: await getOptimizer(store, point.optimizer),
        });
        const loading = performance.now();
        const state =
          (await beat.resume(load)) ??
          (await load({ policy: input.policy, optimizer: input.optimizer, step: 0, skippedInARow: 0, sums: {} }));
        // Reading and hashing takes about as long as hashing and writing.
        points.expect((performance.now() - loading) / 1000);
        await releaseWork(store, isBehind(iteration, epoch));
        const save = async () => {
          const { step, skippedInARow, sums } = state;
          await points.reach(async (owner) => ({
            ...(await putState(store, agent.engine, state, owner)),
            step,
            skippedInARow,
            sums: { ...sums },
          }));
        };

        const epochInput = await epochInputOf(store, agent, input);
        const { lr, sftCoef } = epochInput;
        const steps = optimizerSteps(epochInput.samples.length, config.ppo.samplesPerStep);
        const pace = new Pace(state.step, steps);
        const stepOf = (step: number) =>
          `optimizer step ${step} of ${steps}, epoch ${epoch + 1} of ${config.ppo.epochs}`;
        points.tell({ doing: stepOf(state.step) });
        const onStep = async ({ step, sums }: EpochState, tokens: number) => {
          points.tell({
            doing: stepOf(step),
            loss: rounded(trainedLoss(sums, config)),
            ...pace.at(step, tokens),
          });
          if (beat.interrupted) await save();
          beat.throwIfInterrupted();
        };
        await updateEpoch(epochInput, state, onStep, async () => {
          if (points.due()) await save();
        });
        const modelSeconds = agent.engine.seconds - before;
        const saved = await putState(store, agent.engine, state, resultOwner(epochName(epoch)));
        return {
          ...saved,
          metrics: updateMetrics(state.sums, lr, sftCoef),
          seconds: (performance.now() - started) / 1000,
          modelSeconds,
        };
      },
    ),
  };
}

function epochName(epoch: number): string {
  return `epoch-${epoch}`;
}

/**
 * Whether nothing needs a piece of work once this epoch runs: resume points of all earlier work, and results before the
 * one that it begins with, but nothing that is sampled for the next iteration.
 */
function isBehind(iteration: number, epoch: number): (slot: WorkSlot) => boolean {
  return ({ name, isResult }) => {
    const [, done] = /^epoch-(\d+)$/.exec(name) ?? [];
    if (done === undefined) return !isResult && (sampledFor({ name }) ?? -1) <= iteration;
    return Number(done) < (isResult ? epoch - 1 : epoch);
  };
}

export type UpdateActivities = ReturnType<typeof createUpdateActivities>;

/** The batch and settings of an epoch. Throws `StaleSampleError`. */
export async function epochInputOf(store: ArtifactStore, agent: Agent, task: UpdateTask): Promise<EpochInput<unknown>> {
  const { config, iteration, epoch } = task;
  const batch = await getJson<Batch>(store, task.batch);
  checkSampledBy(batch, task.sampledBy);
  return {
    agent,
    ...trainingGame(config),
    config,
    samples: batch.samples,
    rows: await correctionRows(store, config, iteration, task.corrections),
    key: { iteration, epoch },
    ...ratesOf(task),
  };
}

/** Learning rate and SFT weight of an iteration. */
export function ratesOf({ config, iteration, iterations }: Pick<UpdateTask, 'config' | 'iteration' | 'iterations'>): {
  lr: number;
  sftCoef: number;
} {
  const { scheduleIterations, lr, lrEnd } = config.optimizer;
  return {
    lr: cosineLearningRate(iteration, scheduleIterations || iterations, lr, lrEnd),
    sftCoef: algorithmOf(config).losses.sft * config.sft.coef * sftAnnealing(iteration, config.sft.annealIterations),
  };
}

/**
 * PPO's ratio compares with the policy that sampled: samples of any other policy would silently be trained on wrongly.
 */
function checkSampledBy({ samples }: Batch, sampledBy: string): void {
  const stale = samples.findIndex((sample) => sample.sampledBy !== sampledBy);
  if (stale >= 0)
    throw new StaleSampleError(
      `Sample ${stale} of the batch was sampled by policy ${samples[stale].sampledBy}, but the update begins ` +
        `with ${sampledBy}; start the iteration again`,
    );
}

/** Rows that this iteration draws from: all so far, or (DAgger off) its own. */
async function correctionRows(
  store: ArtifactStore,
  config: RunConfig,
  iteration: number,
  manifest: ArtifactRef,
): Promise<CorrectionRow[]> {
  const { iterations } = await getJson<CorrectionManifest>(store, manifest);
  const used = config.sft.dagger ? iterations : iterations.filter((part) => part.iteration === iteration);
  const files = await Promise.all(used.map(({ file }) => getJson<CorrectionRow[]>(store, file)));
  return files.flat();
}

/** The mean loss of the optimizer steps so far, all parts with their weights. */
function trainedLoss(sums: EpochSums, { ppo }: RunConfig): number {
  const { actionLoss = 0, valueLoss = 0, ppoRows = 0, sftLoss = 0, steps = 0 } = sums;
  return (actionLoss + ppo.valueCoef * valueLoss) / Math.max(1, ppoRows) + sftLoss / Math.max(1, steps);
}

/** Means over the epoch, under the names of spec.md section 9. */
export function updateMetrics(sums: EpochSums, lr: number, sftCoef: number): Record<string, number | null> {
  const per = (name: string, count: string) => (sums[count] > 0 ? (sums[name] ?? 0) / sums[count] : null);
  return {
    'loss/ppo': per('actionLoss', 'ppoRows'),
    'loss/value': per('valueLoss', 'ppoRows'),
    'loss/sft': sftCoef > 0 && sums.steps > 0 ? (sums.sftLoss ?? 0) / sums.steps / sftCoef : null,
    'policy/ratio/mean': per('ratio', 'ppoRows'),
    'policy/ratio/min': sums.ratioMin ?? null,
    'policy/ratio/max': sums.ratioMax ?? null,
    'policy/kl': per('kl', 'ppoRows'),
    'policy/clipFraction': per('clipped', 'ppoRows'),
    'policy/entropy': per('entropy', 'ppoRows'),
    'update/gradNorm': per('gradNorm', 'steps'),
    'update/skippedSteps': sums.skippedSteps ?? 0,
    'update/lr': lr,
    'update/sftCoef': sftCoef,
  };
}
