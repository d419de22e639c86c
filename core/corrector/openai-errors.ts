/** Turns errors of the openai client into `TeacherError`s: kind, waiting time, and one sentence without secrets. */
import { APIConnectionTimeoutError, APIError } from 'openai';
import { type RateLimitState, TeacherError, type TeacherErrorKind } from './teacher.ts';

/** What a person has to do about each kind of error; other kinds pass by themselves. */
const REMEDIES: Partial<Record<TeacherErrorKind, string>> = {
  unauthorized: "put a valid key into the corrector worker's environment and start the worker again",
  forbidden: 'give the key access to the model',
  badRequest: 'check corrector.openai against what the server supports',
  notFound: "check corrector.openai.model and the server's address",
  quota: "raise the account's credit or limit",
};

const KINDS_BY_STATUS: Readonly<Record<number, TeacherErrorKind>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  409: 'server',
  429: 'rateLimit',
};

/** Codes of a 429 that waiting does not fix. */
const QUOTA_CODES = ['insufficient_quota', 'billing_hard_limit_reached', 'access_terminated'];

/** The most characters of the provider's own message that are passed on. */
const LONGEST_MESSAGE = 300;

/** `secrets`: texts that must not appear in the message, whatever the provider quotes. */
export function toTeacherError(error: unknown, secrets: readonly string[]): TeacherError {
  if (error instanceof APIConnectionTimeoutError)
    return new TeacherError('timeout', "The corrector's server did not answer in time.");
  if (!(error instanceof APIError) || error.status === undefined)
    return new TeacherError(
      'connection',
      `The corrector's server cannot be reached or broke off: ${cleaned(causeOf(error), secrets)}.`,
    );
  const kind = kindOf(error);
  const remedy = REMEDIES[kind];
  const message =
    `The corrector's server answered ${error.status}: ` +
    `${cleaned(error.message.replace(/^\d+ /, ''), secrets)}${remedy === undefined ? '' : `; ${remedy}`}.`;
  return new TeacherError(kind, message, retryAfterSeconds(error.headers, Date.now()));
}

/** Azure refuses a prompt by its content filter with status 400. */
export function isContentFilter(error: unknown): boolean {
  return (
    error instanceof APIError &&
    error.status === 400 &&
    ['content_filter', 'content_policy_violation'].includes(error.code ?? '')
  );
}

/** A refusal in HTML comes from a web server, not from an API. */
export function isWebPage(error: unknown): boolean {
  return (
    error instanceof APIError &&
    (error.status as number) < 500 &&
    /^text\/html\b/i.test(error.headers?.get('content-type') ?? '')
  );
}

function kindOf({ status, code, type }: APIError): TeacherErrorKind {
  if (QUOTA_CODES.includes(code ?? '') || QUOTA_CODES.includes(type ?? '')) return 'quota';
  return KINDS_BY_STATUS[status as number] ?? ((status as number) >= 500 ? 'server' : 'badRequest');
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? causeOf(cause) : message;
}

function cleaned(message: string, secrets: readonly string[]): string {
  const hidden = secrets
    .reduce((text, secret) => text.replaceAll(secret, '***'), message)
    .replace(/\b(sk-|Bearer )[\w*.-]+/g, '$1***');
  return hidden
    .slice(0, LONGEST_MESSAGE)
    .replace(/\s+/g, ' ')
    .replace(/[.\s]+$/, '');
}

/** Longer waits can only be a mistake, and Temporal accepts no infinite ones. */
const LONGEST_WAIT_SECONDS = 30 * 86_400;

/**
 * Retry-after-ms, Retry-After in seconds or as a date, else the time until the exhausted limit is full again; null when
 * the headers say nothing.
 */
export function retryAfterSeconds(headers: Headers | undefined, nowMs: number): number | null {
  const seconds = headers === undefined ? null : statedWait(headers, nowMs);
  return seconds === null ? null : Math.min(Math.max(0, seconds), LONGEST_WAIT_SECONDS);
}

function statedWait(headers: Headers, nowMs: number): number | null {
  const milliseconds = numberOf(headers.get('retry-after-ms'));
  if (milliseconds !== null) return milliseconds / 1000;
  const after = headers.get('retry-after');
  const seconds =
    numberOf(after) ?? (Number.isNaN(Date.parse(after ?? '')) ? null : (Date.parse(after!) - nowMs) / 1000);
  if (seconds !== null) return seconds;
  const waits = ['requests', 'tokens'].flatMap((limit) =>
    numberOf(headers.get(`x-ratelimit-remaining-${limit}`)) === 0
      ? (durationSeconds(headers.get(`x-ratelimit-reset-${limit}`)) ?? [])
      : [],
  );
  return waits.length === 0 ? null : Math.max(...waits);
}

/** What the headers of an answer say is left; some servers send -1 for "unknown". */
export function rateLimitState(headers: Headers): RateLimitState {
  return {
    remainingRequests: numberOf(headers.get('x-ratelimit-remaining-requests')),
    remainingTokens: numberOf(headers.get('x-ratelimit-remaining-tokens')),
  };
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
}

const UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** `6m0s`, `1.5s`, `20ms`; a plain number means seconds. */
function durationSeconds(text: string | null): number | null {
  const plain = numberOf(text);
  if (plain !== null || text === null) return plain;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  return parts.length === 0 ? null : parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit], 0);
}
