/** The contract of every environment: single-use, seeded, pure; no model, no clock, no global state. */
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { PastView } from './with-history.ts';

/** Why an episode is over. A cut is the trainer's doing (spec.md section 2), never the environment's. */
export type EnvironmentStop = 'terminated' | 'truncated';

/** What one action did. `reward` is the environment's own, before any cut or format reward. */
export type StepResult = { reward: number; stop: EnvironmentStop | null };

/** The true state as plain JSON: enough to rebuild the same environment, to draw it, and for the exact solver. */
export type JsonState = { readonly [key: string]: JsonValue };
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * One episode. An action outside `legalActions()` is a programming error: reading text is the caller's task
 * (`readAction`).
 */
export interface Environment {
  readonly name: string;
  /** The state now; `game.fromState(env.state())` continues exactly as this environment would. */
  state(): JsonState;
  /** The scene drawn anew at `size` x `size` pixels; the same bytes on every machine. */
  observe(size: number): RgbImage;
  /** Values for the prompt template's placeholders, e.g. `{ formula: "(5+" }`. */
  promptValues(): Readonly<Record<string, string>>;
  legalActions(): readonly string[];
  /**
   * `drawn`: the answer named no action, and this one was drawn at random; some games reward that less. `answer`: the
   * agent's whole response, for environments that remember it.
   */
  step(action: string, drawn?: boolean, answer?: string): StepResult;
  /** In a mixture: which of its games this is. */
  readonly member?: Member;
  /** Earlier steps that the prompt shows, oldest first; absent where it shows none. */
  past?(): readonly PastView[];
  /** The game's own environment, where this one adds to its states (a past, a mixture): what an expert is shown. */
  readonly played?: Environment;
  /** Releases whatever the environment holds outside this process; it can still be observed. */
  close?(): void;
}

/** A game of a mixture, and how it is played. */
export type Member = {
  /** Its index in `environments`. */
  readonly index: number;
  readonly game: Game<any>;
  readonly options: any;
  readonly maxEpisodeSteps: number;
};

/** What happened to an episode that could not continue: it was restarted, or it is dropped. */
export type Interruption = 'restarted' | 'dropped';

/** An episode that is played elsewhere: its steps are asynchronous, and it must be closed. */
export type RemoteEnvironment = Omit<Environment, 'step'> & {
  step(action: string, drawn?: boolean, answer?: string): Promise<StepResult>;
  /** Reported once: everything recorded of the episode is void, including the step during which this happened. */
  interrupted(): Interruption | null;
  close(): void;
};

/** An episode played here or elsewhere; `await` works for both. */
export type PlayedEnvironment = Environment | RemoteEnvironment;

/** What the trainer's cut (spec.md section 2) needs to know of a game. */
export type CutRule = {
  /** An episode is cut after this reward of the environment; null: after none. */
  readonly reward: number | null;
  /**
   * The formula of a state, which must stay a prefix of the target formula; null where only the target's value matters.
   */
  formula(state: JsonState): string | null;
};

/** The cut of the card games: after a reward of -1; only the target's value matters, not the order of its parts. */
export const CUT_AFTER_FAILURE: CutRule = { reward: -1, formula: () => null };

/** The outcome of an episode. */
export type Outcome = {
  success: boolean;
  /**
   * What success is broken down by in evaluations, e.g. the type of the task or how hard the deal is; null: by nothing.
   */
  group: string | null;
  /** The share of the goal that was reached, in [0, 1]; null where a game does not measure it. */
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
   * Before a run starts, reads once all external files that episodes will be drawn from. `notes`: a summary for people;
   * `faults`: a sentence for each unusable file.
   */
  check?(options: Options): Promise<{ notes: string[]; faults: string[] }>;
  /** A fresh episode; the same (seed, episode, options) always gives the same one. */
  start(key: { seed: number; episode: number }, options: Options): Environment;
  fromState(state: JsonState, options: Options): Environment;
  readonly cut: CutRule;
  /** The outcome of an episode that began in `start` and ended in `end` with this sum of rewards. */
  outcome(states: { start: JsonState; end: JsonState }, reward: number): Outcome;
  /** The action that the text after the last action key names; null when none or when it is not unique. */
  readAction(actionText: string, legalActions: readonly string[], options?: Options): string | null;
  /**
   * Actions are any text: `readAction` may return texts that `legalActions()` does not list. That list is then only
   * what is drawn from when an answer names no action.
   */
  readonly freeText?: boolean;
  /**
   * How to play a game that runs elsewhere. Then `start` throws, and environments from `fromState` can only be
   * observed. `resume` continues from a state of an earlier session.
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

/** An episode that continues from a state. */
export async function resumeEpisode<O>(game: Game<O>, state: JsonState, options: O): Promise<PlayedEnvironment> {
  return game.remote === undefined ? game.fromState(state, options) : await game.remote.resume(state, options);
}
