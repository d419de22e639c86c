/**
 * The records of a rollout, and of its judging. Produced by rollouts, consumed by correction and batch assembly.
 */
import type { EnvironmentStop, JsonState } from '../envs/env.ts';

/** A thought as the JSON object before the action key; values are strings or lists of strings. */
export type Thought = Readonly<Record<string, string | readonly string[]>>;

/** One environment step: the agent's answer in `states[t]`, and its result. */
export type Step = {
  responseIds: number[];
  text: string;
  /** Tokens before the action part (spec.md section 3). */
  thoughtTokens: number;
  /** The thought of a well-formed response, else null. */
  thought: Thought | null;
  /** The action executed. */
  action: string;
  /** Whether the action was read from the response; else a seeded random legal action was executed. */
  legal: boolean;
  /** Weighted log-probability of the response under the policy that sampled it. */
  logprob: number;
  /** Log-prob of every token of the response, if the algorithm compares them with a teacher's. [responseIds] */
  tokenLogprobs?: number[];
  value: number;
  /** Hash of that policy. */
  sampledBy: string;
  /** The environment's reward. */
  reward: number;
};

export type Episode = {
  /** Number in the run, which seeds it: wave * episodesPerWave + slot within its iteration. */
  episode: number;
  /** `steps.length + 1` states: before each step and after the last. */
  states: JsonState[];
  steps: Step[];
  /** Why the environment ended it; null: the step limit, or the rollout stopped it because it will be cut. */
  stop: EnvironmentStop | null;
  /** How often it was restarted; earlier steps are not recorded. */
  restarts?: number;
  /** Value of the last state, for bootstrapping an open episode; 0 when it is over. */
  bootstrapValue: number;
};

/**
 * Why a teacher's answer is unusable: there was none (the first five), it had the wrong form, or it is wrong for this
 * game.
 */
const UNUSABLE_REASONS = [
  'refusal',
  'length',
  'contentFilter',
  'empty',
  'toolRounds',
  'schema',
  'wrongTarget',
  'wrongAction',
  'wrongNoSolution',
  'wording',
] as const;
export type UnusableReason = (typeof UNUSABLE_REASONS)[number];

/**
 * A judged thought. `target`: the formula that the thought aims at, null in games without one. `unjudged`: malformed
 * response or not chosen for judging; `unusable`: the teacher gave no sensible answer: no row, no cut.
 */
export type Verdict =
  | { outcome: 'correct'; target: string | null }
  | { outcome: 'corrected'; target: string | null; correction: Thought; action: string }
  | { outcome: 'noSolution' }
  | { outcome: 'unusable'; reason: UnusableReason }
  | { outcome: 'unjudged' };

/**
 * The source of a verdict: the teacher, asked for this step; the ledger, with an equal question; the exact solver.
 * `key`: that of the ledger's entry; a free teacher has none.
 */
export type VerdictSource = { by: 'ledger'; key: string } | { by: 'teacher'; key: string | null } | { by: 'solver' };

/** The judgement of one episode: `verdicts.length` steps are kept. */
export type EpisodeJudgement = {
  verdicts: Verdict[];
  /** Parallel to the verdicts; null if nobody was asked. */
  sources: (VerdictSource | null)[];
  /** The episode is cut after its last kept step, whose reward becomes -1. */
  cut: boolean;
  /** Judged only as far as its steps were needed: more could be kept. */
  partial?: true;
};

/** Reward of the step after which an episode is cut (spec.md section 2). */
export const CUT_REWARD = -1;
