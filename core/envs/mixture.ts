/** Several games played as one (`environments`): each episode belongs to one of them, and its states say which. */
import { labelOf, type MixedOptions, ownConfig, ownConfigs, type Played } from '../../configs/mixture.ts';
import type { MixedEnvironment } from '../../configs/schema/environment.ts';
import { RandomStream } from '../random/counter.ts';
import { type Game, type JsonState, type Member, type PlayedEnvironment, resumeEpisode, startEpisode } from './env.ts';

/** The field of a state with its game's index in `environments`; no game has a field of this name. */
const FIELD = '(environment)';

/** The games' options, and their shares of the episodes. */
type Mixed = { members: { options: any; share: number }[] };

/**
 * A game that in each episode is one of `games`, drawn by their shares from the episode's own random numbers. A deal is
 * the same as in that game alone. `group` of an outcome is the environment's label.
 */
export function mixture(environments: readonly MixedEnvironment[], games: readonly Game<any>[]): Game<Mixed> {
  const memberAt = (index: number, { members }: Mixed): Member => ({
    index,
    game: games[index],
    options: members[index].options,
    maxEpisodeSteps: environments[index].maxEpisodeSteps,
  });
  const here = (environment: PlayedEnvironment, member: Member) => marked(environment, member) as never;
  const isRemote = games.some(({ remote }) => remote !== undefined);
  return {
    name: environments.map(labelOf).join('+'),
    parseOptions: (options) => ({
      members: (options as MixedOptions).members.map((member, index) => ({
        options: games[index].parseOptions(member.options),
        share: member.share,
      })),
    }),
    start(key, options) {
      const member = memberAt(drawIndex(options.members, key), options);
      return here(member.game.start(key, member.options), member);
    },
    fromState(state, options) {
      const { index, own } = split(state);
      const member = memberAt(index, options);
      return here(member.game.fromState(own, member.options), member);
    },
    cut: { reward: null, formula: () => null }, // of each episode's own game instead
    outcome({ start, end }, reward) {
      const { index, own } = split(start);
      return {
        ...games[index].outcome({ start: own, end: split(end).own }, reward),
        group: labelOf(environments[index]),
      };
    },
    readAction() {
      throw new Error('actions of a mixture are read by the game that the episode is one of');
    },
    ...(isRemote
      ? {
          remote: {
            async start(key, options) {
              const member = memberAt(drawIndex(options.members, key), options);
              return here(await startEpisode(member.game, key, member.options), member);
            },
            async resume(state, options) {
              const { index, own } = split(state);
              const member = memberAt(index, options);
              return here(await resumeEpisode(member.game, own, member.options), member);
            },
          },
        }
      : {}),
  };
}

/** The index of the game that an episode belongs to. */
export function drawIndex(members: readonly { share: number }[], { seed, episode }: { seed: number; episode: number }) {
  const all = members.reduce((sum, { share }) => sum + share, 0);
  let left = new RandomStream({ seed, purpose: 'environment', episode }).uniform() * all;
  const index = members.findIndex(({ share }) => (left -= share) < 0);
  return index < 0 ? members.findLastIndex(({ share }) => share > 0) : index; // of rounding
}

/** A state of the game at `index`, as the mixture's. */
export function markedState(state: JsonState, index: number): JsonState {
  return { ...state, [FIELD]: index };
}

function split(state: JsonState): { index: number; own: JsonState } {
  const { [FIELD]: index = 0, ...own } = state;
  return { index: index as number, own };
}

/** The environment, with states that say which game they belong to. */
function marked(environment: PlayedEnvironment, member: Member): PlayedEnvironment {
  return {
    name: environment.name,
    member,
    played: environment.played ?? environment,
    state: () => markedState(environment.state(), member.index),
    observe: (size: number) => environment.observe(size),
    promptValues: () => environment.promptValues(),
    legalActions: () => environment.legalActions(),
    step: (action: string, drawn?: boolean, answer?: string) => environment.step(action, drawn, answer),
    ...(environment.past === undefined ? {} : { past: () => environment.past!() }),
    ...(environment.close === undefined ? {} : { close: () => environment.close!() }),
    ...('interrupted' in environment ? { interrupted: () => environment.interrupted() } : {}),
  } as PlayedEnvironment;
}

/** The index in `environments` of the game that a state belongs to; 0 without a mixture. */
export function environmentOf(state: JsonState): number {
  return split(state).index;
}

/** The state as its game returned it. */
export function ownState(state: JsonState): JsonState {
  return split(state).own;
}

/** The configuration with only the episode's environment, and the episode with states of that game. */
export function ownEpisode<C extends Played, E extends { states: readonly JsonState[] }>(
  config: C,
  episode: E,
): { own: C; episode: E } {
  if (config.environments === undefined) return { own: config, episode };
  const states = episode.states.map(ownState);
  return { own: ownConfig(config, environmentOf(episode.states[0])), episode: { ...episode, states } };
}

/** The value of `make` for each environment of a run, created when its first state arrives. */
export function byEnvironment<C extends Played, T>(
  config: C,
  make: (own: C, index: number) => T,
): (state: JsonState) => T {
  const configs = ownConfigs(config);
  const made = new Map<number, T>();
  return (state) => {
    const index = config.environments === undefined ? 0 : environmentOf(state);
    if (!made.has(index)) made.set(index, make(configs[index], index));
    return made.get(index)!;
  };
}
