/** The second half of an iteration: PPO epochs over the batch, by one GPU worker or by all that poll. */
import type { ApplyGradientsResult, ComputeGradientsResult, SharedEpoch } from '../activities/compute-gradients.ts';
import type { UpdateTask, UpdatePolicyResult } from '../activities/update-policy.ts';
import { gradientGroups, STEPS_PER_STORED_STATE } from '../configs/shared-update.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { activitiesOn } from './activities-on.ts';
import type { PauseGate } from './control.ts';

export type UpdateInput = {
  task: Omit<UpdateTask, 'epoch'>;
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  /** How the state follows from the one before, if a spread epoch ended with it. */
  behind?: SharedEpoch['behind'];
  gate: PauseGate;
  /** Called with the number of finished epochs, and a sentence of progress. */
  onProgress: (epochs: number, text: string) => void;
};

/** `exchangeSeconds`, `behind`: only for a spread update. */
export type UpdateResult = UpdatePolicyResult & { exchangeSeconds?: number; behind?: SharedEpoch['behind'] };

/** The policy after all epochs; metrics are those of the last epoch, seconds cover all. */
export async function update(input: UpdateInput): Promise<UpdateResult> {
  const { task, onProgress } = input;
  const { ppo } = task.config;
  const epochOf = gradientGroups(task.config) === 1 ? epochByOneWorker : epochByAllWorkers;
  let done: UpdateResult = { ...input, metrics: {}, seconds: 0, modelSeconds: 0 };
  for (let epoch = 0; epoch < ppo.epochs; epoch++) {
    const { exchangeSeconds, behind, ...epochResult } = await epochOf({ ...input, ...done }, epoch);
    const { policy, optimizer, metrics, seconds, modelSeconds } = epochResult;
    done = {
      policy,
      optimizer,
      behind,
      metrics,
      seconds: done.seconds + seconds,
      modelSeconds: done.modelSeconds + modelSeconds,
      ...(exchangeSeconds === undefined ? {} : { exchangeSeconds: (done.exchangeSeconds ?? 0) + exchangeSeconds }),
    };
    onProgress(epoch + 1, `epoch ${epoch + 1} of ${ppo.epochs} done`);
  }
  return done;
}

async function epochByOneWorker({ task, policy, optimizer, gate }: UpdateInput, epoch: number): Promise<UpdateResult> {
  await gate.pass();
  return await activitiesOn('gpu', task.config, `epoch ${epoch + 1} of ${task.config.ppo.epochs}`).updatePolicy({
    ...task,
    epoch,
    policy,
    optimizer,
  });
}

/**
 * Step after step (docs/scaling.md): the groups of gradient shards are concurrent activities for any GPU worker;
 * every few steps one more activity stores the state. The bytes do not depend on the number of workers.
 */
async function epochByAllWorkers(
  { task, policy, optimizer, behind = null, gate, onProgress }: UpdateInput,
  epoch: number,
): Promise<UpdateResult> {
  const { ppo, rollout } = task.config;
  const groupCount = gradientGroups(task.config);
  const steps = Math.ceil(rollout.envStepsPerIteration / ppo.samplesPerStep);
  let stored: SharedEpoch = { policy, optimizer, behind, skippedInARow: 0, step: 0, sums: {} };
  let since: ComputeGradientsResult[][] = [];
  let metrics: ApplyGradientsResult['metrics'] = {};
  const spent = { seconds: 0, modelSeconds: 0, exchangeSeconds: 0 };
  const count = (parts: readonly (ComputeGradientsResult | ApplyGradientsResult)[]) => {
    for (const part of parts) {
      spent.seconds += part.seconds;
      spent.modelSeconds += part.modelSeconds;
      spent.exchangeSeconds += part.exchangeSeconds;
    }
  };
  for (let step = 0; step < steps; step++) {
    await gate.pass();
    const name = `epoch ${epoch + 1} of ${ppo.epochs}, step ${step + 1} of ${steps}`;
    const gradients = since.map((groups) => groups.flatMap(({ gradient }) => gradient ?? []));
    const compute = (group: number) =>
      activitiesOn('gpu', task.config, `${name}: gradients ${group + 1} of ${groupCount}`).computeGradients({
        ...task,
        epoch,
        stored,
        since: gradients,
        group,
        groups: groupCount,
      });
    const groups = await Promise.all(Array.from({ length: groupCount }, (_, group) => compute(group)));
    count(groups);
    since.push(groups);
    if (since.length === STEPS_PER_STORED_STATE || step + 1 === steps) {
      const applied = await activitiesOn('gpu', task.config, `${name}: store policy and optimizer`).applyGradients({
        ...task,
        epoch,
        stored,
        since,
      });
      count([applied]);
      const { seconds: _, modelSeconds: __, exchangeSeconds: ___, metrics: soFar, ...next } = applied;
      metrics = soFar;
      stored = next;
      since = [];
    }
    onProgress(epoch, `${name} done`);
  }
  return { policy: stored.policy, optimizer: stored.optimizer, behind: stored.behind, metrics, ...spent };
}
