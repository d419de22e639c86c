/** Plays fixed evaluation deals without cut or learning. */
import path from 'node:path';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { thoughtReader } from '../core/corrector/thought-reading.ts';
import { gameByName } from '../core/envs/registry.ts';
import { type EvaluationPart, evaluationPart } from '../core/learner/evaluation-part.ts';
import { interruptionCounts } from '../core/learner/interruption-counts.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { playEpisodes, type Player, type RolloutProgress } from '../core/policy/rollout.ts';
import { appendStep } from '../core/tensorboard/append-step.ts';
import { EVENT_FILES, loggedEvaluation } from '../core/tensorboard/logged-steps.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { getPolicy } from '../core/records/policy-state.ts';
import { RolloutPace, roundOf } from './pace.ts';
import { releaseWork, ResumePoints } from './resume-points.ts';
import type { Evaluation, EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { rolloutSettings } from './roll-out-wave.ts';
import { putEvaluationRecord, readRunRecords, runFolder, writeEvaluation } from '../core/records/run-records.ts';

/** `iterationsDone`: where in the course of the run; null: apart from any. */
export type EvaluatePolicyInput = {
  config: RunConfig;
  policy: ArtifactRef;
  runId: string;
  label: string;
  iterationsDone: number | null;
};

type Progress = { deals: RolloutProgress; finished: EvaluationPart[] };

export function createEvaluationActivities(dependencies: ActivityDependencies, agents: AgentCache) {
  return {
    evaluatePolicy: activity((input: EvaluatePolicyInput, beat: Heartbeat<ArtifactRef>) =>
      evaluatePolicy(dependencies, agents, input, beat),
    ),
  };
}

export type EvaluationActivities = ReturnType<typeof createEvaluationActivities>;

/** Plays the evaluation deals with `policy`; records the result under `label`. */
export async function evaluatePolicy(
  { store, home }: ActivityDependencies,
  agents: AgentCache,
  { config, policy, runId, label, iterationsDone }: EvaluatePolicyInput,
  beat: Heartbeat<ArtifactRef>,
): Promise<EvaluatePolicyResult> {
  const agent = await agents.get(config);
  await agent.setPolicy(await getPolicy(store, agent.engine, policy), policy.sha256);
  const name = `evaluation ${label}`;
  const points = new ResumePoints(beat, store, name, config.durability);
  await releaseWork(store, (slot) => slot.name.startsWith('evaluation ') && slot.name !== name);
  const parts = plays(config).length;
  let pace: RolloutPace | null = null;
  points.tell({ doing: `evaluation (${label}): begins` });
  const result = await playDeals(config, agent, {
    resume: await beat.resume((point) => getJson<Progress>(store, point)),
    onRound: async ({ deals, finished }) => {
      if (deals.round === 1) pace = null; // the next part
      pace ??= new RolloutPace(config.environment.maxEpisodeSteps);
      const part = parts > 1 ? `, part ${finished.length + 1} of ${parts}` : '';
      points.tell({ doing: `evaluation (${label})${part}: ${roundOf(deals)}`, ...pace.of(deals) });
      if (beat.interrupted || points.due())
        await points.reach((owner) => putJson(store, 'evaluation-progress', { deals, finished }, owner));
      beat.throwIfInterrupted();
    },
  });
  await putEvaluationRecord(store, runId, label, result);
  await writeEvaluation(runFolder(home, runId), label, result);
  if (iterationsDone !== null) await logEvaluation({ store, home }, runId, iterationsDone, result);
  return result;
}

/** Plays each way of decoding on each set of deals; `resume`: progress that `onRound` saw. */
export async function playDeals(
  config: RunConfig,
  player: Player,
  { resume, onRound }: { resume?: Progress; onRound?: (progress: Progress) => Promise<void> } = {},
): Promise<EvaluatePolicyResult> {
  const { evaluation, environment, model } = config;
  const game = gameByName(environment.name);
  const { thought } = loadPromptTemplate(model.prompt, environment.name);
  const parts: EvaluationPart[] = [...(resume?.finished ?? [])];
  for (const [index, { options, temperature }] of plays(config).entries()) {
    if (index < parts.length) continue;
    const settings = {
      ...rolloutSettings(config),
      episodes: evaluation.episodes,
      groupSize: 1,
      keepTokenLogprobs: false,
      leaveAfterFailure: false,
      temperature,
    };
    const parsed = game.parseOptions(options);
    const { episodes } = await playEpisodes(
      player,
      game,
      parsed,
      { seed: evaluation.seed, iteration: 0, firstEpisode: 0 },
      settings,
      {
        resume: resume && index === resume.finished.length ? resume.deals : undefined,
        onRound: (deals) => onRound?.({ deals, finished: parts }) ?? Promise.resolve(),
      },
    );
    parts.push({
      ...evaluationPart(game, episodes, thoughtReader(game, parsed, thought)),
      ...(game.remote === undefined ? {} : { interruptions: interruptionCounts(episodes, settings.episodes) }),
    });
  }
  return collect(config, parts);
}

/** Puts an evaluation into the run's event file, behind those before it. */
async function logEvaluation(
  { store, home }: ActivityDependencies,
  runId: string,
  iterationsDone: number,
  result: EvaluatePolicyResult,
): Promise<void> {
  const rank = (label: string) => (label === 'start' ? 0 : Number(/^iteration-(\d+)$/.exec(label)?.[1] ?? Infinity));
  const earlier = (await readRunRecords(store, runId)).evaluations
    .map(({ label, ...one }) => ({ done: rank(label), ...one }))
    .filter(({ done }) => done < iterationsDone)
    .sort((a, b) => a.done - b.done);
  const now = Date.now() / 1000;
  await appendStep(
    path.join(runFolder(home, runId), 'tensorboard', EVENT_FILES.evaluation),
    loggedEvaluation(iterationsDone, now, result),
    {
      numbers: earlier.map(({ done }) => done),
      read: async () => earlier.map(({ done, result }) => loggedEvaluation(done, now, result)),
    },
  );
}

/** What is played, in order: each way of decoding on the evaluation deals and on the held-out ones. */
function plays({ environment, evaluation, rollout }: RunConfig): { options: object; temperature: number }[] {
  const temperatures = { sampled: [rollout.temperature], greedy: [0], both: [rollout.temperature, 0] }[
    evaluation.decoding
  ];
  return temperatures.flatMap((temperature) =>
    evaluationDeals({ environment, evaluation }).map((options) => ({ options, temperature })),
  );
}

/** Options of the evaluation deals, and of the held-out ones if there are some. */
export function evaluationDeals({ environment, evaluation }: Pick<RunConfig, 'environment' | 'evaluation'>): object[] {
  return [evaluation.options, ...(evaluation.heldOut === null ? [] : [evaluation.heldOut])].map((options) => ({
    ...environment.options,
    ...options,
  }));
}

/** The parts in the order of `plays` as one result. */
function collect({ evaluation }: RunConfig, parts: readonly EvaluationPart[]): EvaluatePolicyResult {
  const sets = evaluation.heldOut === null ? 1 : 2;
  const at = (first: number): Evaluation => ({ ...parts[first], heldOut: sets === 2 ? parts[first + 1] : null });
  return { ...at(0), greedy: evaluation.decoding === 'both' ? at(sets) : null };
}
