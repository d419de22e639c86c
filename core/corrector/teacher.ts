/** The interface of every corrector: one judged thought at a time. */
import type { Environment, JsonState, JsonValue } from '../envs/env.ts';
import type { Thought, Verdict } from '../episodes/episode.ts';
import type { Prices } from './prices.ts';

export type JudgeRequest = {
  /**
   * The environment as it was before the step, read-only: state, picture (drawn on demand), prompt values, legal
   * actions.
   */
  environment: Environment;
  thought: Thought;
  /** The action that the agent executed on this thought. */
  action: string;
  /** Target formula so far; null while undetermined, and in games without one. */
  target: string | null;
};

/** Tokens as the provider counts them; `cachedTokens` are part of `promptTokens`. */
export type Usage = { promptTokens: number; cachedTokens: number; completionTokens: number };

export const NO_USAGE: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    completionTokens: a.completionTokens + b.completionTokens,
  };
}

/**
 * A judged thought and what it took; `requests` counts every answer of the provider, including tool rounds and the one
 * repeated question.
 */
export type Judgement = { verdict: Verdict; requests: number; usage: Usage };

/** What the account has left according to the provider's headers; null where they do not say. */
export type RateLimitState = { remainingRequests: number | null; remainingTokens: number | null };

/** One paid answer as plain JSON. */
export type Answer = JsonValue;

export type JudgeOptions = {
  /** Ends the judgement; `judge` then throws the signal's reason. */
  signal?: AbortSignal;
  /**
   * Answers of an earlier, interrupted try of the same judgement, in order: it continues after them instead of paying
   * for them again.
   */
  answers?: readonly Answer[];
  /** Called with each new answer and awaited before the next request, so that a stored answer is paid once. */
  onAnswer?: (answer: Answer, details: { usage: Usage; rateLimit: RateLimitState }) => Promise<void>;
};

/**
 * A paid teacher's costs. `prices` null: unknown. `pictureSize`: pixels on each side of the picture in a question.
 * `requestsPerThought`: usual number of requests for a judgement.
 */
export type PaidTerms = { model: string; prices: Prices | null; pictureSize: number; requestsPerThought: number };

export interface Teacher {
  /** Whether it is the exact solver: records name it as the source of verdicts. */
  readonly isExact: boolean;
  /** Null: free and instant. */
  readonly terms: PaidTerms | null;
  /** Why questions cannot be asked, as far as is known without asking; null: no known reason. */
  problem(): Promise<TeacherError | null>;
  /**
   * Everything apart from the request that shapes an answer (teacher, model, prompt version, temperature, image
   * settings): part of the ledger key.
   */
  readonly identity: JsonState;
  /**
   * What a judgement of this request is likely to use, for budgets: all its rounds, and answers of the greatest length.
   */
  estimate(request: JudgeRequest): Usage;
  /** Throws `TeacherError` if there is no answer; a senseless answer is the verdict `unusable`. */
  judge(request: JudgeRequest, options?: JudgeOptions): Promise<Judgement>;
}

/** A paid teacher. */
export type PaidTeacher = Teacher & { readonly terms: PaidTerms };

/** Why a provider did not answer. The first four pass by themselves; the others need a person. */
export const TEACHER_ERROR_KINDS = [
  'rateLimit',
  'server',
  'timeout',
  'connection',
  'unauthorized',
  'forbidden',
  'badRequest',
  'notFound',
  'quota',
] as const;
export type TeacherErrorKind = (typeof TEACHER_ERROR_KINDS)[number];

const PASSING: readonly TeacherErrorKind[] = ['rateLimit', 'server', 'timeout', 'connection'];

/** No answer. The message is one sentence without any secret. */
export class TeacherError extends Error {
  override name = 'TeacherError';
  readonly kind: TeacherErrorKind;
  /** How long the provider asks to wait, in seconds, however long; null: it does not say. */
  readonly retryAfterSeconds: number | null;

  constructor(kind: TeacherErrorKind, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether a later try may succeed without anyone's help. */
  get passes(): boolean {
    return PASSING.includes(this.kind);
  }
}
