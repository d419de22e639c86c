/** The contract of every environment: single-use, seeded, pure; no model, no clock, no global state. */
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { PastView } from './with-history.ts';

/** Why an episode is over. A cut is the trainer's doing (spec.md section 2), never the environment's. */
export type EnvironmentStop = 'terminated' | 'truncated';

/** What one action did. `reward` is the environment's own, before any cut or format reward. */
export type StepResult = { reward: number; stop: EnvironmentStop | null };

/** The true state as plain JSON: enough to make the same environment again, to draw it, and for the exact solver. */
export type JsonState = { readonly [key: string]: JsonValue };
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * One episode. An action outside `legalActions()` is a programming error: reading text is the caller's task
 * (`readAction`).
 */
export interface Environment {
  readonly name: string;
  /** The state now; `game.fromState(env.state())` goes on exactly as this environment would. */
  state(): JsonState;
  /** The scene drawn anew at `size` x `size` pixels; the same bytes on every machine. */
  observe(size: number): RgbImage;
  /** Values for the prompt template's placeholders, e.g. `{ formula: "(5+" }`. */
  promptValues(): Readonly<Record<string, string>>;
  legalActions(): readonly string[];
  /**
   * `drawn`: the answer named no action, and this one was drawn at random; some games reward that less. `answer`: all
   * that the agent said, for environments that remember it.
   */
  step(action: string, drawn?: boolean, answer?: string): StepResult;
  /** Of a mixture: which of its games this is one of. */
  readonly part?: Part;
  /** Earlier steps that the agent is told of, the oldest first; absent where it is told of none. */
  past?(): readonly PastView[];
  /** Gives back what the environment holds outside of this process, if anything; it can still be looked at. */
  close?(): void;
}

/** One of the games of a mixture, and how it is played. */
export type Part = {
  /** Its place in `environments`. */
  readonly index: number;
  readonly game: Game<any>;
  readonly options: any;
  readonly maxEpisodeSteps: number;
};

/** What became of an episode that could not go on: it began anew, or nothing more of it counts. */
export type Interruption = 'restarted' | 'dropped';

/** An episode whose steps take time: it is played elsewhere, and has to be closed. */
export type RemoteEnvironment = Omit<Environment, 'step'> & {
  step(action: string, drawn?: boolean, answer?: string): Promise<StepResult>;
  /** Said once: what was recorded of the episode is void, the result of a step during which it happened too. */
  interrupted(): Interruption | null;
  close(): void;
};

/** An episode that is played, here or elsewhere; `await` suits both. */
export type PlayedEnvironment = Environment | RemoteEnvironment;

/** What the trainer's cut (spec.md section 2) looks at in a game. */
export type CutRule = {
  /** An episode is cut after this reward of the environment; null: after none. */
  readonly reward: number | null;
  /**
   * The formula of a state, which must stay a prefix of the target formula; null where the way to the target does not
   * count.
   */
  formula(state: JsonState): string | null;
};

/** The cut of the card games: after a reward of -1; only the target's value counts, not the way to it. */
export const CUT_AFTER_FAILURE: CutRule = { reward: -1, formula: () => null };

/** How an episode came out. */
export type Outcome = {
  success: boolean;
  /**
   * What success is broken down by in evaluations, e.g. the type of the task or how hard the deal is; null: by nothing.
   */
  group: string | null;
  /** Share of the goal that was reached, in [0, 1]; null where a game does not measure it. */
  progress: number | null;
};

/** The outcome in most games: a success is an episode whose rewards add up to more than 0. */
export function outcomeByReward(reward: number, group: string | null = null): Outcome {
  return { success: reward > 0, group, progress: null };
}

/** A kind of environment: how to start one, and how to read an action out of a response. */
export interface Game<Options> {
  readonly name: string;
  /** Fills defaults in and throws one clear sentence on an unknown or wrong option. */
  parseOptions(options: unknown): Options;
  /**
   * Reads once whatever foreign files episodes will be drawn from, before a run starts. `notes`: what there is, for
   * people; `faults`: a sentence for each file that is unusable.
   */
  check?(options: Options): Promise<{ notes: string[]; faults: string[] }>;
  /** A fresh episode; the same (seed, episode, options) always gives the same one. */
  start(key: { seed: number; episode: number }, options: Options): Environment;
  fromState(state: JsonState, options: Options): Environment;
  readonly cut: CutRule;
  /** What came of an episode that began in `start` and ended in `end` with this sum of rewards. */
  outcome(states: { start: JsonState; end: JsonState }, reward: number): Outcome;
  /** The action that the text after the last action key names; null when none or when it is not unique. */
  readAction(actionText: string, legalActions: readonly string[], options?: Options): string | null;
  /**
   * Actions are any text: `readAction` may give more than `legalActions()` lists, which are then those from which one
   * is drawn when an answer names none.
   */
  readonly freeText?: boolean;
  /**
   * How a game is played that runs elsewhere; `start` throws then, and environments of `fromState` are only looked at.
   * `resume` goes on from a state of an earlier session.
   */
  readonly remote?: {
    start(key: { seed: number; episode: number }, options: Options): Promise<RemoteEnvironment>;
    resume(state: JsonState, options: Options): Promise<RemoteEnvironment>;
  };
}

/** A fresh episode, wherever it is played. */
export async function startEpisode<O>(
  game: Game<O>,
  key: { seed: number; episode: number },
  options: O,
): Promise<PlayedEnvironment> {
  return game.remote === undefined ? game.start(key, options) : await game.remote.start(key, options);
}

/** An episode that goes on from a state. */
export async function resumeEpisode<O>(game: Game<O>, state: JsonState, options: O): Promise<PlayedEnvironment> {
  return game.remote === undefined ? game.fromState(state, options) : await game.remote.resume(state, options);
}
