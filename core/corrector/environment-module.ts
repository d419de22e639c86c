/**
 * The contract of a user's own game, which modules import as `durable-gtr/environment` (docs/environments.md). Built-in
 * games have the same parts: a game in core/envs, an expert in core/corrector, and templates.
 */
import type { PlugInGame } from '../envs/plug-in.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { ActionKnowledge } from './action-expert.ts';
import type { Expert } from './expert.ts';

export { Canvas } from '../envs/drawing/canvas.ts';
export { outcomeByReward } from '../envs/env.ts';
export type { CutRule, Environment, JsonState, JsonValue, Outcome, StepResult } from '../envs/env.ts';
export type { Picture, PlugInEnvironment, PlugInGame, EpisodeKey } from '../envs/plug-in.ts';
export { readNamedAction, readSingleAction } from '../envs/read-action.ts';
export type { Colour, RgbImage } from '../pictures/rgb-image.ts';
export { RandomStream } from '../random/counter.ts';
export type { ActionKnowledge } from './action-expert.ts';
export type { Expert, Plan } from './expert.ts';
export { fillThought, readWords } from './solver-thought.ts';

/** A prompt template as in core/policy/prompts; its `environment` is the module's. */
export type OwnPrompt = {
  prompt: string;
  chat?: boolean;
  fixedLength?: { tokens: number; pad: string } | null;
  keys: readonly string[];
  thought: Readonly<Record<string, string>>;
  past?: { title?: string; step?: string };
};

/** A corrector prompt as in core/corrector/prompts; its `environment` is the module's. */
export type OwnCorrectorPrompt = {
  version?: number;
  system: string | readonly string[];
  questions: readonly string[];
  words?: Readonly<Record<string, string>>;
  lists?: readonly string[];
  examples?: readonly object[];
  request: string | readonly string[];
  noTarget?: string;
};

/** What a module exports by default. */
export type EnvironmentModule<O> = {
  game: PlugInGame<O>;
  prompt: OwnPrompt;
  /** Judges thoughts, makes demonstrations and plays; without it a run needs another teacher, or `ppo`. */
  expert?: ActionKnowledge | Expert;
  /** The wording of questions to a model (`corrector.teacher: "openai"`). */
  correctorPrompt?: OwnCorrectorPrompt;
  /**
   * Reads the state from a picture, for rehearsals of paid answers (`gtr fake-openai --environment`); null: no state
   * fits.
   */
  readState?(picture: RgbImage): object | null;
};
