/**
 * An optimizer step that several GPU workers share (docs/scaling.md): each computes groups of its gradient shards, one
 * adds them in order and lets Adam apply the sum. What a step ends with does not depend on who computed what.
 */
import type { ArtifactRef, ArtifactStore, Owner } from '../core/artifacts/store.ts';
import { decodeSafetensors, safetensorsPieces } from '../core/graph/safetensors.ts';
import { addSums, applyGradient, clips, collect, type EpochSums, stepRequests } from '../core/learner/update-epoch.ts';
import type { Agent } from '../core/policy/agent.ts';
import type { GradientRequest } from '../core/policy/policy-engine.ts';
import { getOptimizer, getPolicy, putState } from '../core/records/policy-state.ts';
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
  seconds: number;
  modelSeconds: number;
};

/** `gradients`: of the groups, in order. */
export type ApplyGradientsInput = UpdateTask & { epochSoFar: SharedEpoch; groups: ComputeGradientsResult[] };
export type ApplyGradientsResult = SharedEpoch & {
  metrics: Record<string, number | null>;
  seconds: number;
  modelSeconds: number;
};

/** What a worker keeps between the steps of an epoch: the requests of its steps, and whose parameters it computes with. */
type Warm = {
  key: string;
  agent: Agent;
  request: (step: number) => GradientRequest;
  parameters: string;
  policies: number;
};

export function createSharedUpdateActivities({ store }: ActivityDependencies, agents: AgentCache) {
  let warm: Warm | null = null;

  /** The requests of an epoch, and the engine with these parameters. */
  const open = async (task: UpdateTask, policy: ArtifactRef): Promise<Warm> => {
    const { config, batch, corrections, iteration, epoch } = task;
    const agent = await agents.get(config);
    const key = JSON.stringify([batch.sha256, corrections.sha256, iteration, epoch, config]);
    if (warm?.key !== key || warm.agent !== agent)
      warm = {
        key,
        agent,
        request: stepRequests(await epochInputOf(store, agent, task)),
        parameters: '',
        policies: -1,
      };
    if (warm.parameters !== policy.sha256 || warm.policies !== agent.policies) {
      await agent.setPolicy(await getPolicy(store, agent.engine, policy), null);
      warm.parameters = policy.sha256;
      warm.policies = agent.policies;
    }
    return warm;
  };

  return {
    computeGradients: activity(async (input: ComputeGradientsInput): Promise<ComputeGradientsResult> => {
      const started = performance.now();
      const { config, policy, step, group, groups } = input;
      const { agent, request } = await open(input, policy);
      const before = agent.engine.seconds;
      const asked = request(step);
      const sums: EpochSums = {};
      let gradient: ArtifactRef | null = null;
      if (asked.rows.length > 0) {
        const computed = await agent.engine.gradients(asked, { index: group, of: groups });
        collect(sums, asked.rows, computed.rows, clips(config));
        if (Object.keys(computed.rows).length > 0)
          gradient = await putGradient(store, computed.gradient, resultOwner(stepName(input.epoch, step)));
        agent.engine.recycle(computed.gradient);
      }
      return { gradient, sums, ...spent(started, agent, before) };
    }),

    applyGradients: activity(async (input: ApplyGradientsInput): Promise<ApplyGradientsResult> => {
      const started = performance.now();
      const { config, epochSoFar, groups } = input;
      const agent = await agents.get(config);
      const before = agent.engine.seconds;
      await releaseBefore(store, input);
      const { lr, sftCoef } = ratesOf(input);
      const state = {
        ...epochSoFar,
        parameters: await getPolicy(store, agent.engine, epochSoFar.policy),
        adam: await getOptimizer(store, epochSoFar.optimizer),
        sums: { ...epochSoFar.sums },
      };
      const gradients = groups.flatMap(({ gradient }) => gradient ?? []);
      let { policy, optimizer } = epochSoFar;
      if (gradients.length > 0) {
        const [first, ...others] = gradients;
        const sum = await getGradient(store, first);
        for (const ref of others) {
          const summand = await getGradient(store, ref);
          for (let i = 0; i < sum.length; i++) sum[i] += summand[i];
        }
        const timed = <T>(work: () => T) => agent.engine.timed(work);
        if (await applyGradient(state, sum, { config, lr }, timed)) {
          for (const { sums } of groups) addSums(state.sums, sums);
          const owner = resultOwner(stepName(input.epoch, epochSoFar.step));
          ({ policy, optimizer } = await putState(store, agent.engine, state, owner));
          // This worker computes on with them.
          await agent.setPolicy(state.parameters, null);
          if (warm?.agent === agent) Object.assign(warm, { parameters: policy.sha256, policies: agent.policies });
        }
      }
      const { skippedInARow, sums } = state;
      return {
        policy,
        optimizer,
        step: epochSoFar.step + 1,
        skippedInARow,
        sums,
        metrics: updateMetrics(sums, lr, sftCoef),
        ...spent(started, agent, before),
      };
    }),
  };
}

export type SharedUpdateActivities = ReturnType<typeof createSharedUpdateActivities>;

function spent(started: number, agent: Agent, before: number): { seconds: number; modelSeconds: number } {
  return { seconds: (performance.now() - started) / 1000, modelSeconds: agent.engine.seconds - before };
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

function putGradient(store: ArtifactStore, data: Float32Array, owner: Owner): Promise<ArtifactRef> {
  return store.putHeld(owner, 'gradient', safetensorsPieces([{ name: 'gradient', shape: [data.length], data }]));
}

async function getGradient(store: ArtifactStore, ref: ArtifactRef): Promise<Float32Array> {
  return decodeSafetensors(await store.get(ref), `gradient ${ref.sha256}`).get('gradient')!.data;
}
