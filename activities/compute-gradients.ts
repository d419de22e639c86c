/**
 * An optimizer step that several GPU workers share (docs/scaling.md): each computes groups of its gradient shards, one
 * adds them in order and lets Adam apply the sum. What a step ends with does not depend on who computed what.
 */
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import {
  addSums,
  applyGradient,
  clips,
  collect,
  type EpochSums,
  optimizerSteps,
  stepRequests,
} from '../core/learner/update-epoch.ts';
import type { Agent } from '../core/policy/agent.ts';
import type { GradientRequest } from '../core/policy/policy-engine.ts';
import { getGradient, putGradient } from '../core/records/gradient.ts';
import { getOptimizer, getPolicy, type PolicyState, putState } from '../core/records/policy-state.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { releaseWork, resultOwner } from './resume-points.ts';
import { epochInputOf, ratesOf, type UpdateTask, updateMetrics } from './update-policy.ts';

/** Where an epoch stands: the state after `step` optimizer steps. */
export type SharedEpoch = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  step: number;
  skippedInARow: number;
  sums: EpochSums;
};

/** `group` of `groups` of the step's gradient shards, computed with `policy`. */
export type ComputeGradientsInput = UpdateTask & { policy: ArtifactRef; step: number; group: number; groups: number };
/** `gradient`: their sum; null: the group has no rows. `sums`: what its rows measured. */
export type ComputeGradientsResult = {
  gradient: ArtifactRef | null;
  sums: EpochSums;
} & Spent;

/** Seconds of an activity; of them, computing, and reading from the store and writing into it. */
type Spent = { seconds: number; modelSeconds: number; exchangeSeconds: number };

/** `gradients`: of the groups, in order. */
export type ApplyGradientsInput = UpdateTask & { epochSoFar: SharedEpoch; groups: ComputeGradientsResult[] };
export type ApplyGradientsResult = SharedEpoch & {
  metrics: Record<string, number | null>;
} & Spent;

/** What a worker keeps of the epoch that it computes: the requests of its steps, and whose parameters the engine has. */
type Warm = {
  key: string;
  agent: Agent;
  request: (step: number) => GradientRequest;
  parameters: string;
  policies: number;
};

/** The state that a worker made last: as long as no other makes one, nothing of it is read again. */
type KeptState = PolicyState & { agent: Agent; policy: string; optimizer: string };

export function createSharedUpdateActivities({ store }: ActivityDependencies, agents: AgentCache) {
  let warm: Warm | null = null;
  let kept: KeptState | null = null;
  /** Gradients of the step at hand that were computed here, by hash. */
  const own = new Map<string, Float32Array>();
  let ownStep = '';

  /** The requests of an epoch, and the engine with these parameters. */
  const open = async (task: UpdateTask, policy: ArtifactRef, exchange: Stopwatch): Promise<Warm> => {
    const { config, batch, corrections, iteration, epoch } = task;
    const agent = await agents.get(config);
    const key = JSON.stringify([batch.sha256, corrections.sha256, iteration, epoch, config]);
    const isWarm = warm?.key === key && warm.agent === agent;
    const hasParameters = isWarm && warm!.parameters === policy.sha256 && warm!.policies === agent.policies;
    // What is missing is read at once.
    const [parameters, input] = await Promise.all([
      hasParameters ? null : exchange.time(() => parametersOf(agent, policy)),
      isWarm ? null : epochInputOf(store, agent, task),
    ]);
    if (input !== null) warm = { key, agent, request: stepRequests(input), parameters: '', policies: -1 };
    if (parameters !== null) {
      await agent.setPolicy(parameters, null);
      Object.assign(warm!, { parameters: policy.sha256, policies: agent.policies });
    }
    return warm!;
  };

  const parametersOf = async (agent: Agent, policy: ArtifactRef): Promise<Float32Array> =>
    kept?.agent === agent && kept.policy === policy.sha256
      ? kept.parameters
      : await getPolicy(store, agent.engine, policy);

  /** The state of an epoch, which the caller may change: it is kept no more. */
  const takeState = async (agent: Agent, { policy, optimizer }: SharedEpoch): Promise<PolicyState> => {
    const state = kept;
    kept = null;
    if (state?.agent === agent && state.policy === policy.sha256 && state.optimizer === optimizer.sha256) return state;
    const [parameters, adam] = await Promise.all([
      getPolicy(store, agent.engine, policy),
      getOptimizer(store, optimizer),
    ]);
    return { parameters, adam };
  };

  /** A step's gradients in order, each an array of its own. */
  const readGradients = async (refs: readonly ArtifactRef[]): Promise<Float32Array[]> => {
    const gradients = await Promise.all(
      refs.map(async (ref) => {
        const here = own.get(ref.sha256);
        own.delete(ref.sha256); // two groups of equal bytes are two arrays: one is added to
        return here ?? (await getGradient(store, ref));
      }),
    );
    own.clear();
    return gradients;
  };

  return {
    computeGradients: activity(async (input: ComputeGradientsInput): Promise<ComputeGradientsResult> => {
      const started = performance.now();
      const { config, policy, step, group, groups } = input;
      const exchange = new Stopwatch();
      const { agent, request } = await open(input, policy, exchange);
      const before = agent.engine.seconds;
      const asked = request(step);
      const sums: EpochSums = {};
      let gradient: ArtifactRef | null = null;
      if (asked.rows.length > 0) {
        const computed = await agent.engine.gradients(asked, { index: group, of: groups });
        collect(sums, asked.rows, computed.rows, clips(config));
        if (Object.keys(computed.rows).length > 0) {
          const owner = resultOwner(stepName(input.epoch, step));
          gradient = await exchange.time(() =>
            putGradient(store, agent.engine, computed.gradient, config.parallel.exchange, owner),
          );
          const key = `${warm!.key} ${step}`;
          if (ownStep !== key) own.clear(); // another worker has added those of the step before
          ownStep = key;
          own.set(gradient.sha256, computed.gradient);
        } else agent.engine.recycle(computed.gradient);
      }
      return { gradient, sums, ...spent(started, agent, before, exchange) };
    }),

    applyGradients: activity(async (input: ApplyGradientsInput): Promise<ApplyGradientsResult> => {
      const started = performance.now();
      const { config, epochSoFar, groups } = input;
      const exchange = new Stopwatch();
      const agent = await agents.get(config);
      const before = agent.engine.seconds;
      const releasing = releaseBefore(store, input);
      releasing.catch(() => {}); // awaited below
      const { lr, sftCoef } = ratesOf(input);
      const gradients = groups.flatMap(({ gradient }) => gradient ?? []);
      let { policy, optimizer, skippedInARow } = epochSoFar;
      const sums = { ...epochSoFar.sums };
      if (gradients.length > 0) {
        const [taken, [sum, ...others]] = await exchange.time(() =>
          Promise.all([takeState(agent, epochSoFar), readGradients(gradients)]),
        );
        const state = { ...taken, step: epochSoFar.step, skippedInARow, sums };
        const timed = <T>(work: () => T) => agent.engine.timed(work);
        for (const summand of others) {
          await timed(() => add(sum, summand));
          agent.engine.recycle(summand);
        }
        if (await applyGradient(state, sum, { config, lr }, timed)) {
          for (const group of groups) addSums(sums, group.sums);
          const owner = resultOwner(stepName(input.epoch, epochSoFar.step));
          ({ policy, optimizer } = await exchange.time(() => putState(store, agent.engine, state, owner)));
          const { epochs, samplesPerStep } = config.ppo;
          const isLast =
            input.epoch + 1 === epochs &&
            epochSoFar.step + 1 === optimizerSteps(config.rollout.envStepsPerIteration, samplesPerStep);
          kept = isLast
            ? null
            : {
                agent,
                parameters: state.parameters,
                adam: state.adam,
                policy: policy.sha256,
                optimizer: optimizer.sha256,
              };
          // This worker computes on with them.
          await agent.setPolicy(state.parameters, null);
          if (warm?.agent === agent) Object.assign(warm, { parameters: policy.sha256, policies: agent.policies });
        }
        ({ skippedInARow } = state);
        agent.engine.recycle(sum);
      }
      await releasing;
      return {
        policy,
        optimizer,
        step: epochSoFar.step + 1,
        skippedInARow,
        sums,
        metrics: updateMetrics(sums, lr, sftCoef),
        ...spent(started, agent, before, exchange),
      };
    }),
  };
}

export type SharedUpdateActivities = ReturnType<typeof createSharedUpdateActivities>;

function spent(started: number, agent: Agent, before: number, exchange: Stopwatch): Spent {
  return {
    seconds: (performance.now() - started) / 1000,
    modelSeconds: agent.engine.seconds - before,
    exchangeSeconds: exchange.seconds,
  };
}

/** Counts the time of what it is given to do. */
class Stopwatch {
  seconds = 0;

  async time<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await work();
    this.seconds += (performance.now() - started) / 1000;
    return result;
  }
}

function add(sum: Float32Array, summand: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += summand[i];
}

function stepName(epoch: number, step: number): string {
  return `step-${epoch}-${step}`;
}

/** Gradients that were summed, and states before the one that this step begins with. */
async function releaseBefore(store: ArtifactStore, { epoch, epochSoFar }: ApplyGradientsInput): Promise<void> {
  const needed = new Set([epochSoFar.policy.sha256, epochSoFar.optimizer.sha256]);
  await releaseWork(store, ({ name }, { sha256 }) => {
    const [, epochOf, stepOf] = /^step-(\d+)-(\d+)$/.exec(name)?.map(Number) ?? [];
    const isEarlier = epochOf < epoch || (epochOf === epoch && stepOf < epochSoFar.step);
    return isEarlier && !needed.has(sha256);
  });
}
