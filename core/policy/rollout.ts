/** Plays episodes with the policy: the sampling half of an iteration, and evaluation. */
import {
  type Game,
  type Member,
  type PlayedEnvironment,
  resumeEpisode,
  startEpisode,
  type StepResult,
} from '../envs/env.ts';
import { EnvironmentError } from '../envs/plug-in.ts';
import type { Episode, Step } from '../episodes/episode.ts';
import { RandomStream } from '../random/counter.ts';
import type { AgentResponse } from './agent.ts';
import { type Observation, observationIn } from './observation.ts';

/** What episodes derive their randomness from; `firstEpisode` numbers them. */
export type RolloutKey = { seed: number; iteration: number; firstEpisode: number };

/** An observation to answer: its step in the run, and noise, one number in (0, 1) per token. */
export type RolloutRequest = Observation & {
  key: { seed: number; episode: number; step: number };
  noise: Float32Array;
};

/** Answers observations: the policy (`Agent`), or another model. */
export interface Player {
  /** Pixels of pictures. */
  readonly imageSize: number;
  respond(requests: readonly RolloutRequest[], settings: RolloutSettings): Promise<AgentResponse[]>;
  /** Values of states, for bootstrapping; zeros if it has none. */
  values(observations: readonly Observation[]): Promise<ArrayLike<number>>;
}

export type RolloutSettings = {
  /** Environments stepped together. */
  episodes: number;
  /** Number of adjacent episodes that begin in the same state; default: 1. */
  groupSize?: number;
  maxEpisodeSteps: number;
  maxNewTokens: number;
  temperature: number;
  repetitionPenalty: number;
  penalizePrompt: boolean;
  thoughtCoef: number;
  /** Keep the log-prob of every token of a response. */
  keepTokenLogprobs?: boolean;
  /** Stop an episode after the reward that cuts it (`Game.cut`), because later steps would be dropped. */
  leaveAfterFailure: boolean;
};

/**
 * Episodes so far, after a whole number of rounds (one step of every open episode). `over`: all are finished.
 */
export type RolloutProgress = {
  round: number;
  episodes: Episode[];
  closed: boolean[];
  /** Numbers of dropped episodes, which a server could not replay. */
  dropped?: number[];
  over: boolean;
};

/**
 * Plays episodes in rounds until each is over. The result is a function of (policy, key, settings) alone, wherever
 * `resume` continues. `onRound` sees the progress after each round; if it returns `suspend`, play stops there, to be
 * resumed later. Play does not stop if environments hold something to close (a simulator's process), which would have
 * to replay every action.
 */
export async function playEpisodes<O>(
  agent: Player,
  game: Game<O>,
  options: O,
  key: RolloutKey,
  settings: RolloutSettings,
  {
    resume,
    onRound,
  }: { resume?: RolloutProgress; onRound?: (progress: RolloutProgress) => Promise<'suspend' | void> } = {},
): Promise<RolloutProgress> {
  const { environments, progress } = await begin(game, options, key, settings, resume);
  const memberOf = (environment: PlayedEnvironment): Omit<Member, 'index'> =>
    environment.member ?? { game, options, maxEpisodeSteps: settings.maxEpisodeSteps };
  try {
    const open = () =>
      progress.closed.flatMap((closed, slot) =>
        closed || progress.round >= memberOf(environments[slot]).maxEpisodeSteps ? [] : [slot],
      );
    const left = () => open().length > 0;
    const maySuspend = environments.every(({ close }) => close === undefined);
    while (left()) {
      await playRound(agent, memberOf, environments, open(), key, settings, progress);
      if ((await onRound?.(progress)) === 'suspend' && maySuspend && left()) return progress;
    }
  } finally {
    for (const environment of environments) environment.close?.();
  }
  await bootstrapOpenEpisodes(agent, game, options, progress);
  return { ...withoutDropped(progress), over: true };
}

async function begin<O>(
  game: Game<O>,
  options: O,
  key: RolloutKey,
  settings: RolloutSettings,
  resume: RolloutProgress | undefined,
): Promise<{ environments: PlayedEnvironment[]; progress: RolloutProgress }> {
  if (resume !== undefined) {
    const environments = await openAll(resume.episodes, ({ states }, slot) =>
      resume.closed[slot]
        ? Promise.resolve(game.fromState(states.at(-1)!, options))
        : resumeEpisode(game, states.at(-1)!, options),
    );
    for (const [slot, environment] of environments.entries()) isInterrupted(resume, slot, environment);
    return { environments, progress: resume };
  }
  const environments = await openAll(Array.from({ length: settings.episodes }), (_, slot) => {
    const episode = key.firstEpisode + slot - (slot % (settings.groupSize ?? 1));
    return startEpisode(game, { seed: key.seed, episode }, options);
  });
  const episodes = environments.map((environment, slot): Episode => ({
    episode: key.firstEpisode + slot,
    states: [environment.state()],
    steps: [],
    stop: null,
    bootstrapValue: 0,
  }));
  return { environments, progress: { round: 0, episodes, closed: episodes.map(() => false), over: false } };
}

/** Opens all; where one fails, the others are closed before its error is thrown. */
async function openAll<T>(
  items: readonly T[],
  openOne: (item: T, slot: number) => Promise<PlayedEnvironment>,
): Promise<PlayedEnvironment[]> {
  const results = await Promise.allSettled(items.map((item, slot) => openOne(item, slot)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    for (const result of results) if (result.status === 'fulfilled') result.value.close?.();
    throw failed.reason;
  }
  return results.map((result) => (result as PromiseFulfilledResult<PlayedEnvironment>).value);
}

/** One step of each: remote ones in parallel, local ones without yielding to the event loop. */
async function takeAll(
  environments: readonly PlayedEnvironment[],
  moves: readonly { action: string; legal: boolean }[],
  answers: readonly string[],
): Promise<StepResult[]> {
  const results = await Promise.allSettled(
    environments.map(
      async (environment, row) => await environment.step(moves[row].action, !moves[row].legal, answers[row]),
    ),
  );
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Whether the recording of the episode in `slot` is void; if so, it is discarded. */
function isInterrupted(progress: RolloutProgress, slot: number, environment: PlayedEnvironment): boolean {
  const what = 'interrupted' in environment ? environment.interrupted() : null;
  if (what === null) return false;
  const { restarts = 0, ...episode } = progress.episodes[slot];
  const voided = { ...episode, states: [environment.state()], steps: [] };
  if (what === 'restarted') progress.episodes[slot] = { ...voided, restarts: restarts + 1 };
  else {
    progress.episodes[slot] = voided;
    progress.closed[slot] = true;
    progress.dropped = [...(progress.dropped ?? []), episode.episode];
  }
  return true;
}

/** Throws `EnvironmentError` if all episodes were dropped. */
function withoutDropped(progress: RolloutProgress): RolloutProgress {
  const { dropped, ...rest } = progress;
  if (dropped === undefined) return progress;
  const kept = (_: unknown, slot: number) => !dropped.includes(progress.episodes[slot].episode);
  const episodes = progress.episodes.filter(kept);
  if (episodes.length === 0)
    throw new EnvironmentError(
      `All ${progress.episodes.length} episodes of a wave were dropped, because no server could play them again ` +
        '(environment.options.onDivergence).',
    );
  return { ...rest, episodes, closed: progress.closed.filter(kept) };
}

/** `slots`: those with open episodes. */
async function playRound(
  agent: Player,
  memberOf: (environment: PlayedEnvironment) => Omit<Member, 'index'>,
  environments: PlayedEnvironment[],
  slots: readonly number[],
  key: RolloutKey,
  settings: RolloutSettings,
  progress: RolloutProgress,
): Promise<void> {
  const responses = await agent.respond(
    slots.map((slot) => ({
      ...observationIn(environments[slot], agent.imageSize),
      key: { seed: key.seed, episode: progress.episodes[slot].episode, step: progress.round },
      noise: samplingNoise(
        {
          seed: key.seed,
          purpose: 'sampling',
          iteration: key.iteration,
          episode: progress.episodes[slot].episode,
          step: progress.round,
        },
        settings.maxNewTokens,
      ),
    })),
    settings,
  );
  const moves = slots.map((slot, row) => {
    const environment = environments[slot];
    const episode = progress.episodes[slot];
    const { actionText } = responses[row];
    const { game, options } = memberOf(environment);
    const legalActions = environment.legalActions();
    const read = actionText === null ? null : game.readAction(actionText, legalActions, options);
    const action =
      read ??
      new RandomStream({
        seed: key.seed,
        purpose: 'illegal action',
        iteration: key.iteration,
        episode: episode.episode,
        step: progress.round,
      }).pick(legalActions);
    return { action, legal: read !== null };
  });
  const taken = await takeAll(
    slots.map((slot) => environments[slot]),
    moves,
    responses.map(({ text }) => text),
  );
  for (const [row, slot] of slots.entries()) {
    const environment = environments[slot];
    const episode = progress.episodes[slot];
    const { actionText: _, ...response } = responses[row];
    const { reward, stop } = taken[row];
    const { game } = memberOf(environment);
    if (isInterrupted(progress, slot, environment)) continue;
    const step: Step = { ...response, ...moves[row], reward };
    episode.steps.push(step);
    episode.states.push(environment.state());
    episode.stop = stop;
    progress.closed[slot] = stop !== null || (settings.leaveAfterFailure && reward === game.cut.reward);
    if (progress.closed[slot] && game.remote !== undefined) environment.close?.();
  }
  progress.round++;
}

/** Values of the last states of episodes that the step limit ended. */
async function bootstrapOpenEpisodes<O>(
  agent: Player,
  game: Game<O>,
  options: O,
  { episodes, closed }: RolloutProgress,
): Promise<void> {
  const openEpisodes = episodes.filter((_, slot) => !closed[slot]);
  const observations = openEpisodes.map(({ states }) =>
    observationIn(game.fromState(states.at(-1)!, options), agent.imageSize),
  );
  const values = await agent.values(observations);
  for (const [row, episode] of openEpisodes.entries()) episode.bootstrapValue = values[row];
}

/** One uniform number in (0, 1) for each token that may be sampled. */
export function samplingNoise(key: ConstructorParameters<typeof RandomStream>[0], length: number): Float32Array {
  const stream = new RandomStream(key);
  const numbers = new Float32Array(length);
  // 23 bits, so that the largest number stays below 1 in float32.
  for (let i = 0; i < length; i++) numbers[i] = ((stream.uint32() >>> 9) + 0.5) / 0x800000;
  return numbers;
}
