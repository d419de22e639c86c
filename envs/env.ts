/** The contract of every environment: single-use, seeded, pure; no model, no clock, no global state. */

/** An RGB image, row by row, three bytes a pixel. */
export type RgbImage = { width: number; height: number; data: Uint8Array };

/** Why an episode is over. A cut is the trainer's doing (spec.md section 2), never the environment's. */
export type EnvironmentStop = 'terminated' | 'truncated';

/** What one action did. `reward` is the environment's own, before any cut or format reward. */
export type StepResult = { reward: number; stop: EnvironmentStop | null };

/** The true state as plain JSON: enough to make the same environment again, to draw it, and for the exact solver. */
export type JsonState = { readonly [key: string]: JsonValue };
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** One episode. An action outside `legalActions()` is a programming error: reading text is the caller's task (`readAction`). */
export interface Environment {
  readonly name: string;
  /** The state now; `game.fromState(env.state())` goes on exactly as this environment would. */
  state(): JsonState;
  /** The scene drawn anew at `size` x `size` pixels; the same bytes on every machine. */
  observe(size: number): RgbImage;
  /** Values for the prompt template's placeholders, e.g. `{ formula: "(5+" }`. */
  promptValues(): Readonly<Record<string, string>>;
  legalActions(): readonly string[];
  step(action: string): StepResult;
}

/** A kind of environment: how to start one, and how to read an action out of a response. */
export interface Game<Options> {
  readonly name: string;
  /** Fills defaults in and throws one clear sentence on an unknown or wrong option. */
  parseOptions(options: unknown): Options;
  /** A fresh episode; the same (seed, episode, options) always gives the same one. */
  start(place: { seed: number; episode: number }, options: Options): Environment;
  fromState(state: JsonState, options: Options): Environment;
  /** The action that the text after the last action key names; null when none or when it is not unique. */
  readAction(actionText: string, legalActions: readonly string[]): string | null;
}
