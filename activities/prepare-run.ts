/** Opens the model of a run and stores its first policy and optimizer. */
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { storeId } from '../core/artifacts/store-id.ts';
import type { RunConfig } from '../configs/schema.ts';
import { algorithmOf } from '../configs/algorithms.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { checkTeacher } from '../core/corrector/teachers.ts';
import { checkEnvironments } from '../core/envs/check-games.ts';
import { deviceLabel } from '../core/graph/compute-device.ts';
import { chooseDevice } from '../core/graph/provider.ts';
import { initAdam } from '../core/learner/adam.ts';
import { openAgentParts } from '../core/policy/agent-parts.ts';
import type { PolicyEngine } from '../core/policy/policy-engine.ts';
import { longestPrompt } from '../core/policy/longest-prompt.ts';
import { checkFit } from '../core/policy/model-fit.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { putState } from '../core/records/policy-state.ts';
import { checkDisk, diskOfRun } from '../core/records/run-disk.ts';
import { putRunStart } from '../core/records/run-records.ts';
import { runOf } from './run-of-activity.ts';

/** `run`: the training run to record, which will need its teacher; absent if no run trains. */
export type PrepareRunInput = { config: RunConfig; run?: { id: string; startedAt: number } };
export type PrepareRunResult = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  modelSha256: string;
  trainedParameters: number;
  /** Id of the store that the run's artifacts lie in. */
  store: string;
  /** The device of this worker, unless it is the CPU as configured. */
  device?: string;
};

export function createPreparationActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    prepareRun: activity((input: PrepareRunInput) => prepareRun(store, agents, input)),
  };
}

export type PreparationActivities = ReturnType<typeof createPreparationActivities>;

/** Opens a run's model, and stores its first parameters and optimizer. */
export async function prepareRun(
  store: ArtifactStore,
  agents: AgentCache,
  { config, run }: PrepareRunInput,
): Promise<PrepareRunResult> {
  if (run !== undefined) await putRunStart(store, run.id, { config, startedAt: run.startedAt });
  const device = await chooseDevice(config.engine);
  const { provider } = config.engine;
  const computesOn = deviceLabel(device) + (provider === 'auto' ? ', chosen by auto' : '');
  if (run !== undefined && provider !== 'cpu')
    await putRunStart(store, run.id, { config, startedAt: run.startedAt, device: computesOn });
  await checkEnvironments(config);
  const parts = openAgentParts(config, modelFolder);
  if (run !== undefined) {
    if (algorithmOf(config).judges) checkTeacher(config);
    checkDisk(diskOfRun(config, store, parts.checkpoint));
  }
  checkFit(parts.checkpoint, config, await longestPrompt(parts.wordings, config), device);
  const agent = await agents.get(config, parts);
  const parameters = agent.engine.initialParameters(config.seed);
  return {
    ...(await putFirstState(store, agent.engine, parameters)),
    modelSha256: await agents.modelSha256(agent),
    trainedParameters: parameters.length,
    store: await storeId(store),
    ...(provider === 'cpu' ? {} : { device: computesOn }),
  };
}

/** Held until the first iteration is done; it can be rebuilt at any time. */
export const START = 'start';

export function putFirstState(store: ArtifactStore, engine: PolicyEngine, parameters: Float32Array) {
  const owner = { run: runOf(), slot: START };
  return putState(store, engine, { parameters, adam: initAdam(parameters.length) }, owner);
}
