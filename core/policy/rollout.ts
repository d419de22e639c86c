/** Playing episodes with the policy: the sampler half of an iteration, and evaluation. */
import type { Environment, Game, JsonState } from '../envs/env.ts';
import type { Episode, Step } from '../episodes/episode.ts';
import { RandomStream } from '../random/counter.ts';
import type { AgentResponse, Observation } from './agent.ts';

/** Where in a run episodes belong; `firstEpisode` numbers them. */
export type RolloutPlace = { seed: number; iteration: number; firstEpisode: number };

/** One observation that is to be answered: where it stands in the run, and its noise, one number in (0, 1) a token. */
export type Turn = Observation & { place: { seed: number; episode: number; step: number }; noise: Float32Array };

/** Whoever answers observations: the policy (`Agent`), or another model in its place. */
export interface Player {
  /** Pixels of pictures. */
  readonly imageSize: number;
  respond(turns: readonly Turn[], settings: RolloutSettings): Promise<AgentResponse[]>;
  /** What the states are worth to it, for bootstrapping; zeros where it does not say. */
  values(observations: readonly Observation[]): Promise<ArrayLike<number>>;
}

export type RolloutSettings = {
  /** Environments stepped together. */
  episodes: number;
  /** So many episodes, side by side, begin in the same state; by default each in its own. */
  groupSize?: number;
  maxEpisodeSteps: number;
  maxNewTokens: number;
  temperature: number;
  repetitionPenalty: number;
  penalizePrompt: boolean;
  thoughtCoef: number;
  /** Keep the log-prob of every token of a response. */
  keepTokenLogprobs?: boolean;
  /** Leave an episode after the reward that cuts it (`Game.cut`), because what follows would be dropped. */
  leaveAfterFailure: boolean;
};

/**
 * Episodes so far, after a whole number of rounds (one step of every open episode). `over`: nothing is left to play.
 */
export type RolloutProgress = { round: number; episodes: Episode[]; closed: boolean[]; over: boolean };

/**
 * Plays episodes in rounds until each is over. The result is a function of (policy, place, settings) alone, wherever
 * `resume` takes it up.
 * `onRound` sees the progress after each round; where it says `leave`, the episodes are left there, to be taken up
 * again, unless environments hold something to close (another simulator's process), which would have to play every
 * action again.
 */
export async function playEpisodes<O>(
  agent: Player,
  game: Game<O>,
  options: O,
  place: RolloutPlace,
  settings: RolloutSettings,
  {
    resume,
    onRound,
  }: { resume?: RolloutProgress; onRound?: (progress: RolloutProgress) => Promise<'leave' | void> } = {},
): Promise<RolloutProgress> {
  const { environments, progress } = open(game, options, place, settings, resume);
  try {
    const left = () => progress.round < settings.maxEpisodeSteps && progress.closed.includes(false);
    const mayLeave = environments.every(({ close }) => close === undefined);
    while (left()) {
      await playRound(agent, game, environments, place, settings, progress);
      if ((await onRound?.(progress)) === 'leave' && mayLeave && left()) return progress;
    }
  } finally {
    for (const environment of environments) environment.close?.();
  }
  await bootstrapOpenEpisodes(agent, game, options, progress);
  return { ...progress, over: true };
}

function open<O>(
  game: Game<O>,
  options: O,
  place: RolloutPlace,
  settings: RolloutSettings,
  resume: RolloutProgress | undefined,
): { environments: Environment[]; progress: RolloutProgress } {
  if (resume !== undefined) {
    const environments = resume.episodes.map(({ states }) => game.fromState(states.at(-1)!, options));
    return { environments, progress: resume };
  }
  const environments = Array.from({ length: settings.episodes }, (_, slot) =>
    game.start({ seed: place.seed, episode: place.firstEpisode + slot - (slot % (settings.groupSize ?? 1)) }, options),
  );
  const episodes = environments.map((environment, slot): Episode => ({
    episode: place.firstEpisode + slot,
    states: [environment.state()],
    steps: [],
    stop: null,
    bootstrapValue: 0,
  }));
  return { environments, progress: { round: 0, episodes, closed: episodes.map(() => false), over: false } };
}

async function playRound<O>(
  agent: Player,
  game: Game<O>,
  environments: Environment[],
  place: RolloutPlace,
  settings: RolloutSettings,
  progress: RolloutProgress,
): Promise<void> {
  const slots = progress.closed.flatMap((closed, slot) => (closed ? [] : [slot]));
  const responses = await agent.respond(
    slots.map((slot) => ({
      image: environments[slot].observe(agent.imageSize),
      promptValues: environments[slot].promptValues(),
      place: { seed: place.seed, episode: progress.episodes[slot].episode, step: progress.round },
      noise: samplingNoise(
        {
          seed: place.seed,
          purpose: 'sampling',
          iteration: place.iteration,
          episode: progress.episodes[slot].episode,
          step: progress.round,
        },
        settings.maxNewTokens,
      ),
    })),
    settings,
  );
  for (const [row, slot] of slots.entries()) {
    const environment = environments[slot];
    const episode = progress.episodes[slot];
    const { actionText, ...response } = responses[row];
    const legalActions = environment.legalActions();
    const read = actionText === null ? null : game.readAction(actionText, legalActions);
    const action =
      read ??
      new RandomStream({
        seed: place.seed,
        purpose: 'illegal action',
        iteration: place.iteration,
        episode: episode.episode,
        step: progress.round,
      }).pick(legalActions);
    const { reward, stop } = environment.step(action, read === null);
    const step: Step = { ...response, action, legal: read !== null, reward };
    episode.steps.push(step);
    episode.states.push(environment.state());
    episode.stop = stop;
    progress.closed[slot] = stop !== null || (settings.leaveAfterFailure && reward === game.cut.reward);
  }
  progress.round++;
}

/** Values of the last states of episodes that the step limit left open. */
async function bootstrapOpenEpisodes<O>(
  agent: Player,
  game: Game<O>,
  options: O,
  { episodes, closed }: RolloutProgress,
): Promise<void> {
  const openEpisodes = episodes.filter((_, slot) => !closed[slot]);
  const observations = openEpisodes.map(({ states }) =>
    observation(agent, game.fromState(states.at(-1) as JsonState, options)),
  );
  const values = await agent.values(observations);
  for (const [row, episode] of openEpisodes.entries()) episode.bootstrapValue = values[row];
}

function observation(agent: Player, environment: Environment) {
  return { image: environment.observe(agent.imageSize), promptValues: environment.promptValues() };
}

/** One uniform number in (0, 1) for each token that may be sampled. */
export function samplingNoise(place: ConstructorParameters<typeof RandomStream>[0], length: number): Float32Array {
  const stream = new RandomStream(place);
  const numbers = new Float32Array(length);
  // 23 bits: the largest number stays below 1 in float32.
  for (let i = 0; i < length; i++) numbers[i] = ((stream.uint32() >>> 9) + 0.5) / 0x800000;
  return numbers;
}
