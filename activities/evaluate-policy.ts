/** Plays fixed evaluation deals without cut or learning. */
import path from 'node:path';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { hasHeldOut, type Play, plays } from '../configs/evaluation-plays.ts';
import { labelOf, type MixedOptions, mostEpisodeSteps, ownConfig } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { configuredReader } from '../core/corrector/thought-reading.ts';
import type { Episode } from '../core/episodes/episode.ts';
import { checkEvaluatedGames } from '../core/envs/check-games.ts';
import { environmentOf, ownEpisode } from '../core/envs/mixture.ts';
import { gameOf } from '../core/envs/with-history.ts';
import { type EvaluationPart, evaluationPart } from '../core/learner/evaluation-part.ts';
import { interruptionCounts } from '../core/learner/interruption-counts.ts';
import { playEpisodes, type Player, type RolloutProgress } from '../core/policy/rollout.ts';
import { appendStep } from '../core/tensorboard/append-step.ts';
import { EVENT_FILES, loggedEvaluation } from '../core/tensorboard/logged-steps.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import { type AgentCache, usePolicy } from './agent-cache.ts';
import { RolloutPace, roundOf } from './pace.ts';
import { releaseWork, ResumePoints } from './resume-points.ts';
import type { Evaluation, EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { rolloutSettings } from './roll-out-wave.ts';
import { putEvaluationRecord, readRunRecords, runFolder, writeEvaluation } from '../core/records/run-records.ts';

/** `iterationsDone`: position in the run; null: outside any run. */
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
  if (iterationsDone === null) await checkEvaluatedGames(config); // a run checks its games before it begins
  const agent = await agents.get(config);
  await usePolicy(store, agent, policy);
  const name = `evaluation ${label}`;
  const points = new ResumePoints(beat, store, name, config.durability);
  await releaseWork(store, (slot) => slot.name.startsWith('evaluation ') && slot.name !== name);
  const parts = plays(config).length;
  const newPace = () => new RolloutPace(mostEpisodeSteps(config));
  let pace = newPace();
  points.tell({ doing: `evaluation (${label}): begins` });
  const result = await playDeals(config, agent, {
    resume: await beat.resume((point) => getJson<Progress>(store, point)),
    onRound: async ({ deals, finished }) => {
      const part = parts > 1 ? `, part ${finished.length + 1} of ${parts}` : '';
      points.tell({ doing: `evaluation (${label})${part}: ${roundOf(deals)}`, ...pace.of(deals) });
      if (deals.over) pace = newPace(); // for the next part
      if (beat.interrupted || points.due())
        await points.reach((owner) => putJson(store, 'evaluation-progress', { deals, finished }, owner));
      beat.throwIfInterrupted();
    },
  });
  await recordEvaluation({ store, home }, { runId, label, iterationsDone }, result);
  return result;
}

/** Stores a result under its label, and writes it to the run's folder on this machine. */
export async function recordEvaluation(
  { store, home }: ActivityDependencies,
  { runId, label, iterationsDone }: Pick<EvaluatePolicyInput, 'runId' | 'label' | 'iterationsDone'>,
  result: EvaluatePolicyResult,
): Promise<void> {
  await putEvaluationRecord(store, runId, label, result);
  await writeEvaluation(runFolder(home, runId), label, result);
  if (iterationsDone !== null) await logEvaluation({ store, home }, runId, iterationsDone, result);
}

/** Plays each way of decoding on each set of deals; `resume`: progress that `onRound` saw. */
export async function playDeals(
  config: RunConfig,
  player: Player,
  { resume, onRound }: { resume?: Progress; onRound?: (progress: Progress) => Promise<void> } = {},
): Promise<EvaluatePolicyResult> {
  const parts: EvaluationPart[] = [...(resume?.finished ?? [])];
  for (const [index, play] of plays(config).entries()) {
    if (index < parts.length) continue;
    const episodes = await playPart(
      config,
      player,
      play,
      { from: 0, to: config.evaluation.episodes },
      {
        resume: resume && index === resume.finished.length ? resume.deals : undefined,
        onRound: (deals) => onRound?.({ deals, finished: parts }) ?? Promise.resolve(),
      },
    );
    parts.push(partOf(config, play, episodes));
  }
  return collect(config, parts);
}

/** Plays the episodes `from` up to, not including, `to`; `resume`: progress that `onRound` saw. */
export async function playPart(
  config: RunConfig,
  player: Player,
  { options, temperature }: Play,
  { from, to }: { from: number; to: number },
  hooks: { resume?: RolloutProgress; onRound?: (progress: RolloutProgress) => Promise<void> } = {},
): Promise<Episode[]> {
  const game = gameOf(config);
  const { episodes } = await playEpisodes(
    player,
    game,
    game.parseOptions(options),
    { seed: config.evaluation.seed, iteration: 0, firstEpisode: from },
    {
      ...rolloutSettings(config),
      episodes: to - from,
      groupSize: 1,
      keepTokenLogprobs: false,
      leaveAfterFailure: false,
      temperature,
    },
    hooks,
  );
  return episodes;
}

/** Summarises the episodes of a part. */
export function partOf(config: RunConfig, { options }: Play, episodes: readonly Episode[]): EvaluationPart {
  const game = gameOf(config);
  return {
    ...configuredPart(config, options, episodes),
    ...(game.remote === undefined ? {} : { interruptions: interruptionCounts(episodes, config.evaluation.episodes) }),
  };
}

/** For a mixture, also each environment alone. `deals`: the options that were played. */
export function configuredPart(config: RunConfig, deals: object, episodes: readonly Episode[]): EvaluationPart {
  const { environments } = config;
  const all = evaluationPart(gameOf(config), episodes, configuredReader(config, deals));
  if (environments === undefined) return all;
  const apart = environments.flatMap((environment, index) => {
    const own = episodes.filter(({ states }) => environmentOf(states[0]) === index);
    if (own.length === 0) return [];
    const played = own.map((episode) => ownEpisode(config, episode).episode);
    const { options } = (deals as MixedOptions).members[index];
    return [[labelOf(environment), configuredPart(ownConfig(config, index), options, played)] as const];
  });
  return { ...all, byEnvironment: Object.fromEntries(apart) };
}

/** Appends an evaluation to the run's event file. */
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

/** The parts in the order of `plays` as one result. */
export function collect(config: RunConfig, parts: readonly EvaluationPart[]): EvaluatePolicyResult {
  const sets = hasHeldOut(config) ? 2 : 1;
  const at = (first: number): Evaluation => ({ ...parts[first], heldOut: sets === 2 ? parts[first + 1] : null });
  return { ...at(0), greedy: config.evaluation.decoding === 'both' ? at(sets) : null };
}
