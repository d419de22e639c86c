/**
 * The GPU side of a supervised warm start: first parameters, optimizer steps, the checkpoint folder, its evaluation.
 */
import path from 'node:path';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { parseConfig, type RunConfig, runConfigSchema, type SftConfig } from '../configs/schema.ts';
import { demonstrationCheck } from '../core/corrector/check-demonstration.ts';
import { namedDemonstrations } from '../core/corrector/llava-demonstrations.ts';
import { checkEnvironments } from '../core/envs/check-games.ts';
import { trainingGame } from '../core/envs/with-history.ts';
import { type SupervisedState, superviseSteps } from '../core/learner/supervise.ts';
import { writeMerged } from '../core/policy/checkpoint/export-policy.ts';
import { openAgentParts } from '../core/policy/agent-parts.ts';
import { longestPrompt } from '../core/policy/longest-prompt.ts';
import { chooseDevice } from '../core/graph/provider.ts';
import { checkFit } from '../core/policy/model-fit.ts';
import { writeNewCheckpoint } from '../core/policy/new-checkpoint.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { modelFolder, PROJECT } from '../configs/project-folder.ts';
import { evaluatePolicy } from './evaluate-policy.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { demonstrationReader } from './make-demonstrations.ts';
import { getOptimizer, getPolicy, getTrained, putState } from '../core/records/policy-state.ts';
import { checkDisk, diskOfSft } from '../core/records/run-disk.ts';
import { Pace, rounded } from './pace.ts';
import { prepareRun, putFirstState, START } from './prepare-run.ts';
import { releaseSlots, releaseWork, ResumePoints, resultOwner } from './resume-points.ts';

/** `out`: the folder of the checkpoint to write; runs that began on older code do not say it. */
export type PrepareSupervisedInput = { config: SftConfig; out?: string };
/** `model`: the folder that the training starts from. */
export type PrepareSupervisedResult = { model: string; policy: ArtifactRef; optimizer: ArtifactRef };
export type TrainOnDemonstrationsInput = PrepareSupervisedResult & {
  config: SftConfig;
  demonstrations: ArtifactRef;
  from: number;
  until: number;
};
export type TrainOnDemonstrationsResult = { policy: ArtifactRef; optimizer: ArtifactRef; loss: number | null };

type ResumePoint = { policy: ArtifactRef; optimizer: ArtifactRef; step: number; losses: number[] };

export function createSupervisedActivities(dependencies: ActivityDependencies, agents: AgentCache) {
  const { store, home } = dependencies;
  const open = (config: SftConfig, model: string) => agents.get(runConfig(config, model));
  return {
    prepareSupervised: activity(async ({ config, out }: PrepareSupervisedInput): Promise<PrepareSupervisedResult> => {
      const model =
        config.model.base === null
          ? await writeNewCheckpoint(path.join(home, 'models'), config.model, config.seed)
          : modelFolder(config.model.base);
      const run = runConfig(config, model);
      await checkEnvironments(run);
      const parts = openAgentParts(run, modelFolder);
      const { file, images } = config.demonstrations;
      if (file !== null) await Array.fromAsync(namedDemonstrations({ file, images }, demonstrationCheck(parts)));
      if (out !== undefined) checkDisk(diskOfSft(config, store, out));
      checkFit(parts.checkpoint, run, await longestPrompt(parts.wordings, run), await chooseDevice(run.engine));
      const agent = await agents.get(run, parts);
      const parameters = agent.engine.initialParameters(config.seed);
      return { model, ...(await putFirstState(store, agent.engine, parameters)) };
    }),

    trainOnDemonstrations: activity(
      async (
        { config, model, demonstrations, from, until, ...input }: TrainOnDemonstrationsInput,
        beat: Heartbeat<ResumePoint>,
      ): Promise<TrainOnDemonstrationsResult> => {
        beat.tell({ doing: 'opening the policy' });
        const agent = await open(config, model);
        const name = `steps-${from}`;
        const points = new ResumePoints(beat, store, name, config.durability);
        const load = async (point: ResumePoint): Promise<SupervisedState> => ({
          ...point,
          parameters: await getPolicy(store, agent.engine, point.policy),
          adam: await getOptimizer(store, point.optimizer),
        });
        const begunWith = new Set([input.policy.sha256, input.optimizer.sha256]);
        const loading = performance.now();
        const state =
          (await beat.resume(load)) ??
          (await load({ policy: input.policy, optimizer: input.optimizer, step: from, losses: [] }));
        // Reading and hashing takes about as long as hashing and writing.
        points.expect((performance.now() - loading) / 1000);
        if (from > 0) await releaseSlots(store, (slot) => slot === START);
        await releaseWork(store, (slot, { sha256 }) => slot.name !== name && !(slot.isResult && begunWith.has(sha256)));
        const save = () => {
          const { step } = state;
          const losses = [...state.losses];
          return points.reach(async (owner) => ({
            ...(await putState(store, agent.engine, state, owner)),
            step,
            losses,
          }));
        };
        const steps = Math.ceil(config.demonstrations.count / config.batch);
        const pace = new Pace(state.step, steps);
        points.tell({ doing: `optimizer step ${state.step} of ${steps}` });
        await superviseSteps(
          {
            agent,
            ...trainingGame(config),
            config,
            demonstrations: demonstrationReader(store, demonstrations),
            steps,
          },
          state,
          until,
          async ({ step, losses }, tokens) => {
            points.tell({
              doing: `optimizer step ${step} of ${steps}`,
              loss: rounded(losses.at(-1)!),
              ...pace.at(step, tokens),
            });
            if (beat.interrupted) await save();
            beat.throwIfInterrupted();
          },
          async () => {
            if (points.due()) await save();
          },
        );
        const saved = await putState(store, agent.engine, state, resultOwner(name));
        return { ...saved, loss: state.losses.reduce((sum, loss) => sum + loss, 0) / state.losses.length };
      },
    ),

    saveCheckpoint: activity(
      async ({
        config,
        model,
        policy,
        out,
      }: {
        config: SftConfig;
        model: string;
        policy: ArtifactRef;
        out: string;
      }): Promise<{ folder: string }> => {
        const { checkpoint } = await open(config, model);
        const folder = path.resolve(PROJECT, out);
        await writeMerged(folder, checkpoint, await getTrained(store, policy), config.model.train);
        await releaseSlots(store, (slot) => slot === START);
        await releaseWork(store, (_slot, { sha256 }) => sha256 !== policy.sha256);
        return { folder };
      },
    ),

    /** Evaluates the written folder, opened as a run would open it. */
    evaluateCheckpoint: activity(
      async (
        {
          config,
          folder,
          runId,
        }: {
          config: SftConfig;
          folder: string;
          runId: string;
        },
        beat: Heartbeat<ArtifactRef>,
      ): Promise<EvaluatePolicyResult> => {
        const run = runConfig(config, folder);
        const { policy } = await prepareRun(store, agents, { config: run });
        return await evaluatePolicy(
          dependencies,
          agents,
          { config: run, policy, runId, label: 'sft', iterationsDone: null },
          beat,
        );
      },
    ),
  };
}

export type SupervisedActivities = ReturnType<typeof createSupervisedActivities>;

/** The same model, wording and evaluation as a run's configuration: the input of the shared activities. */
function runConfig(
  { seed, environment, environments, model, prompt: past, evaluation, engine, durability, ...sft }: SftConfig,
  base: string,
): RunConfig {
  const { adapter, train, valueHead, prompt, imageSize } = model;
  const { temperature, repetitionPenalty, maxNewTokens } = sft;
  return parseConfig(
    runConfigSchema,
    {
      seed,
      environment,
      environments,
      model: { base, adapter, train, valueHead, prompt, imageSize },
      prompt: past,
      rollout: { temperature, repetitionPenalty, maxNewTokens },
      evaluation,
      engine,
      durability,
    },
    'the sft configuration',
  );
}
