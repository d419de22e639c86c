/** Games whose environments remember earlier observations, answers and actions (`prompt.history`). */
import { type Played, trainingDeals } from '../../configs/mixture.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { Environment, Game, JsonState, PlayedEnvironment, RemoteEnvironment } from './env.ts';
import { mixture } from './mixture.ts';
import { gameByName } from './registry.ts';

/** A step of the past, as the agent saw it. */
export type PastView = {
  observe(size: number): RgbImage;
  promptValues: Readonly<Record<string, string>>;
  /** The agent's answer, word for word, and the action that was taken. */
  answer: string;
  action: string;
};

type PastStep = { state: JsonState; answer: string; action: string };

/** The field of a state that holds its past; no game uses this name. */
const FIELD = '(past)';

type PlayedWithPast = Pick<Played, 'environments'> & {
  environment: { name: string };
  prompt?: { history: string; steps: number };
};

/** The game as the agent of a run plays it. `prompt`: absent in runs that are older than this setting. */
export function gameOf(config: PlayedWithPast): Game<any> {
  const { environment, environments, prompt } = config;
  if (environments !== undefined)
    return mixture(
      environments,
      environments.map(({ name }) => gameOf({ environment: { name }, prompt })),
    );
  const game = gameByName(environment.name);
  return prompt === undefined || prompt.history === 'none' ? game : withHistory(game, prompt.steps);
}

/** The game and the training deals. */
export function trainingGame(config: Played & PlayedWithPast): { game: Game<any>; options: any } {
  const game = gameOf(config);
  return { game, options: game.parseOptions(trainingDeals(config)) };
}

/** The same game; states hold their last `steps` steps, so that everything rebuilt from them sees the same past. */
export function withHistory<O>(game: Game<O>, steps: number): Game<O> {
  const split = (state: JsonState): [state: JsonState, past: PastStep[]] => {
    const { [FIELD]: past = [], ...own } = state;
    return [own, past as unknown as PastStep[]];
  };
  const common = <E extends PlayedEnvironment>(environment: E, options: O, begin: readonly PastStep[]) => {
    let past = begin;
    return {
      remember: (step: PastStep) => void (past = [...past, step].slice(-steps)),
      forget: () => void (past = []),
      methods: {
        name: environment.name,
        state: () => (past.length === 0 ? environment.state() : { ...environment.state(), [FIELD]: past }) as JsonState,
        observe: (size: number) => environment.observe(size),
        promptValues: () => environment.promptValues(),
        legalActions: () => environment.legalActions(),
        past: () =>
          past.map(({ state, answer, action }): PastView => {
            const before = game.fromState(state, options);
            return { observe: (size) => before.observe(size), promptValues: before.promptValues(), answer, action };
          }),
      },
    };
  };
  const here = (environment: Environment, options: O, begin: readonly PastStep[]): Environment => {
    const { remember, methods } = common(environment, options, begin);
    return {
      ...methods,
      played: environment,
      step(action, drawn, answer = '') {
        const state = environment.state();
        const result = environment.step(action, drawn);
        remember({ state, answer, action });
        return result;
      },
      ...(environment.close === undefined ? {} : { close: () => environment.close!() }),
    };
  };
  const elsewhere = (environment: RemoteEnvironment, options: O, begin: readonly PastStep[]): RemoteEnvironment => {
    const { remember, forget, methods } = common(environment, options, begin);
    return {
      ...methods,
      async step(action, drawn, answer = '') {
        const state = environment.state();
        const result = await environment.step(action, drawn);
        remember({ state, answer, action });
        return result;
      },
      interrupted() {
        const what = environment.interrupted();
        if (what !== null) forget();
        return what;
      },
      close: () => environment.close(),
    };
  };
  const { remote } = game;
  return {
    ...game,
    start: (place, options) => here(game.start(place, options), options, []),
    fromState(state, options) {
      const [own, past] = split(state);
      return here(game.fromState(own, options), options, past);
    },
    ...(remote === undefined
      ? {}
      : {
          remote: {
            start: async (place, options) => elsewhere(await remote.start(place, options), options, []),
            async resume(state, options) {
              const [own, past] = split(state);
              return elsewhere(await remote.resume(own, options), options, past);
            },
          },
        }),
  };
}
