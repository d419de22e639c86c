import { APIError } from 'openai';
import test from 'ava';
import { rateLimitState, retryAfterSeconds, toTeacherError } from '../../core/corrector/openai-errors.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const wait = (headers: Record<string, string>) => retryAfterSeconds(new Headers(headers), NOW);

test('the time to wait, from whichever header has it', (t) => {
  t.is(wait({ 'retry-after-ms': '1500', 'retry-after': '9' }), 1.5);
  t.is(wait({ 'retry-after': '3600' }), 3600);
  t.is(wait({ 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT' }), 120);
  t.is(wait({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }), 0);
  t.is(wait({}), null);
  t.is(wait({ 'retry-after': 'soon' }), null);
});

test('without Retry-After, the limit that is used up says when it is full again', (t) => {
  const limits = {
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '6m0s',
    'x-ratelimit-remaining-tokens': '12',
    'x-ratelimit-reset-tokens': '1h',
  };
  t.is(wait(limits), 360);
  t.is(wait({ ...limits, 'x-ratelimit-remaining-tokens': '0' }), 3600);
  t.is(wait({ ...limits, 'x-ratelimit-reset-requests': '20ms' }), 0.02);
  t.is(wait({ ...limits, 'x-ratelimit-reset-requests': '1m1.5s' }), 61.5);
  t.is(wait({ ...limits, 'x-ratelimit-reset-requests': '7' }), 7);
  t.is(wait({ ...limits, 'x-ratelimit-remaining-requests': '5' }), null);
});

test('some servers send -1 for unknown limits', (t) => {
  t.deepEqual(
    rateLimitState(new Headers({ 'x-ratelimit-remaining-tokens': '-1', 'x-ratelimit-remaining-requests': '7' })),
    { remainingRequests: 7, remainingTokens: null },
  );
});

test('a message is one short line, and quotes no key, known or not', (t) => {
  const said =
    `Incorrect API key provided: my-secret.\nYou can find\tyours, like sk-proj-abc_123 or Bearer ` +
    `eyJhbGciOi.x.y, at ${'x'.repeat(500)}`;
  const { message, kind } = toTeacherError(
    APIError.generate(401, { error: { message: said } }, undefined, new Headers()),
    ['my-secret'],
  );
  t.is(kind, 'unauthorized');
  t.true(
    message.startsWith(
      "The corrector's server answered 401: Incorrect API key provided: ***. You can find yours, like sk-*** or " +
        'Bearer ***, at xxx',
    ),
  );
  t.true(message.length < 500);
  t.false(message.includes('\n'));
});

test('a 429 that waiting does not fix is a quota', (t) => {
  for (const error of [
    { code: 'insufficient_quota' },
    { type: 'insufficient_quota' },
    { code: 'billing_hard_limit_reached' },
  ]) {
    t.is(
      toTeacherError(APIError.generate(429, { error: { message: 'no', ...error } }, undefined, new Headers()), []).kind,
      'quota',
    );
  }
  t.is(
    toTeacherError(
      APIError.generate(429, { error: { message: 'no', code: 'rate_limit_exceeded' } }, undefined, new Headers()),
      [],
    ).kind,
    'rateLimit',
  );
});
