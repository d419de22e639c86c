/**
 * Optimizer steps that several GPU workers share (docs/scaling.md): each computes groups of a step's gradient shards
 * and applies the sum of all to its own copy of the state; every few steps one worker stores it. The result of a step
 * does not depend on which worker computed what.
 */
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { addSums, clips, collect, type EpochSums, stepRequests } from '../core/learner/update-epoch.ts';
import type { Agent } from '../core/policy/agent.ts';
import type { GradientRequest } from '../core/policy/policy-engine.ts';
import { putGradient } from '../core/records/gradient.ts';
import { putState } from '../core/records/policy-state.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { releaseWork, resultOwner } from './resume-points.ts';
import { StateReplica, type StoredState } from './state-replica.ts';
import { Stopwatch } from './stopwatch.ts';
import { epochInputOf, ratesOf, type UpdateTask, updateMetrics } from './update-policy.ts';

/** The last stored state of an epoch, after `step` optimizer steps. */
export type SharedEpoch = StoredState & { step: number; sums: EpochSums };

/**
 * `group` of `groups` of the gradient shards of the step after `stored` and `since`; `since`: gradients of steps, in
 * order.
 */
export type ComputeGradientsInput = UpdateTask & {
  stored: SharedEpoch;
  since: ArtifactRef[][];
  group: number;
  groups: number;
};
/** `gradient`: their sum; null: the group has no rows. `sums`: statistics of its rows. */
export type ComputeGradientsResult = { gradient: ArtifactRef | null; sums: EpochSums } & Spent;

/** `since`: the groups of each step after `stored`, in order. */
export type ApplyGradientsInput = UpdateTask & { stored: SharedEpoch; since: ComputeGradientsResult[][] };
export type ApplyGradientsResult = SharedEpoch & { metrics: Record<string, number | null> } & Spent;

/** Seconds of an activity, and of computing and of store access in it. */
type Spent = { seconds: number; modelSeconds: number; exchangeSeconds: number };

/** The requests of an epoch's steps, cached by a worker. */
type EpochRequests = { key: string; agent: Agent; of: (step: number) => GradientRequest };

export function createSharedUpdateActivities({ store }: ActivityDependencies, agents: AgentCache) {
  const replica = new StateReplica(store);
  let requests: EpochRequests | null = null;

  const requestsOf = async (agent: Agent, task: UpdateTask): Promise<EpochRequests> => {
    const { config, batch, corrections, iteration, epoch } = task;
    const key = JSON.stringify([batch.sha256, corrections.sha256, iteration, epoch, config]);
    if (requests?.key !== key || requests.agent !== agent)
      requests = { key, agent, of: stepRequests(await epochInputOf(store, agent, task)) };
    return requests;
  };

  return {
    computeGradients: activity(async (input: ComputeGradientsInput): Promise<ComputeGradientsResult> => {
      const started = performance.now();
      const { config, epoch, stored, since, group, groups } = input;
      const agent = await agents.get(config);
      const before = agent.engine.seconds;
      const exchange = new Stopwatch();
      const releasing = group === 0 && since.length <= 1 ? releaseBefore(store, input) : Promise.resolve();
      releasing.catch(() => {}); // awaited below
      const { key, of } = await requestsOf(agent, input);
      await replica.bring(agent, stored, since, { config, lr: ratesOf(input).lr }, exchange);
      await replica.load(agent);
      const step = stored.step + since.length;
      const asked = of(step);
      const sums: EpochSums = {};
      let gradient: ArtifactRef | null = null;
      if (asked.rows.length > 0) {
        const computed = await agent.engine.gradients(asked, { index: group, of: groups });
        collect(sums, asked.rows, computed.rows, clips(config));
        if (Object.keys(computed.rows).length > 0) {
          const owner = resultOwner(stepName(epoch, step));
          gradient = await exchange.time(() =>
            putGradient(store, agent.engine, computed.gradient, config.parallel.exchange, owner),
          );
          replica.remember(`${key} ${step}`, gradient, computed.gradient);
        } else agent.engine.recycle(computed.gradient);
      }
      await releasing;
      return { gradient, sums, ...spent(started, agent, before, exchange) };
    }),

    /** Stores the state after the steps `since` the last stored one. */
    applyGradients: activity(async (input: ApplyGradientsInput): Promise<ApplyGradientsResult> => {
      const started = performance.now();
      const { config, epoch, stored, since } = input;
      const agent = await agents.get(config);
      const before = agent.engine.seconds;
      const exchange = new Stopwatch();
      const { lr, sftCoef } = ratesOf(input);
      const gradients = since.map(gradientsOf);
      const settings = { config, lr };
      const { key } = await replica.bring(agent, stored, gradients.slice(0, -1), settings, exchange);
      const state = await replica.bring(agent, stored, gradients, settings, exchange);
      const sums = { ...stored.sums };
      for (const [index, outcome] of state.outcomes.entries()) {
        addSums(sums, outcome ?? {});
        if (outcome?.steps !== undefined) for (const group of since[index]) addSums(sums, group.sums);
      }
      const step = stored.step + since.length;
      const next: StoredState = {
        ...(await exchange.time(() => putState(store, agent.engine, state, resultOwner(stepName(epoch, step - 1))))),
        skippedInARow: state.skippedInARow,
        behind: { key, gradients: gradients.at(-1)! },
      };
      replica.isStored(next);
      return {
        ...next,
        step,
        sums,
        metrics: updateMetrics(sums, lr, sftCoef),
        ...spent(started, agent, before, exchange),
      };
    }),
  };
}

export type SharedUpdateActivities = ReturnType<typeof createSharedUpdateActivities>;

/** The gradients of a step's groups, in order. */
function gradientsOf(groups: readonly Pick<ComputeGradientsResult, 'gradient'>[]): ArtifactRef[] {
  return groups.flatMap(({ gradient }) => gradient ?? []);
}

function spent(started: number, agent: Agent, before: number, exchange: Stopwatch): Spent {
  return {
    seconds: (performance.now() - started) / 1000,
    modelSeconds: agent.engine.seconds - before,
    exchangeSeconds: exchange.seconds,
  };
}

function stepName(epoch: number, step: number): string {
  return `step-${epoch}-${step}`;
}

/**
 * Releases what came before the stored state: gradients that every worker has applied, and older states. A worker that
 * has not applied the last ones does so in the first step after it.
 */
async function releaseBefore(store: ArtifactStore, { epoch, stored, since }: ComputeGradientsInput): Promise<void> {
  const gradients = since.length === 0 ? (stored.behind?.gradients ?? []) : [];
  const needed = new Set([stored.policy, stored.optimizer, ...gradients].map(({ sha256 }) => sha256));
  await releaseWork(store, ({ name }, { sha256 }) => {
    const [, epochOf, stepOf] = /^step-(\d+)-(\d+)$/.exec(name)?.map(Number) ?? [];
    const isEarlier = epochOf < epoch || (epochOf === epoch && stepOf < stored.step);
    return isEarlier && !needed.has(sha256);
  });
}
