/** The openai teacher against every fault of the rehearsal server, counted in the server's log. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import test from 'ava';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { expertOf } from '../../core/corrector/experts.ts';
import { connect, listModels, serverName } from '../../core/corrector/openai-client.ts';
import { OpenAITeacher } from '../../core/corrector/openai-teacher.ts';
import type { FaultRule } from '../../core/corrector/rehearsal/faults.ts';
import {
  type Answer,
  type JudgeOptions,
  type JudgeRequest,
  TEACHER_ERROR_KINDS,
  TeacherError,
  type TeacherErrorKind,
} from '../../core/corrector/teacher.ts';
import { gameByName } from '../../core/envs/registry.ts';
import type { UnusableReason } from '../../core/episodes/episode.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { startRehearsal } from '../../bench/harness/rehearsal.ts';

const KEY = 'sk-test-0123456789abcdef';
const server = await startRehearsal({ args: ['--key', KEY] });
process.env.OPENAI_BASE_URL = server.url;
process.env.OPENAI_API_KEY = KEY;
test.after.always(() => server.stop());
test.beforeEach(() => server.setFaults([]));

const configOf = (openai: object = {}, name = 'points24') =>
  parseConfig(
    runConfigSchema,
    {
      environment: { name },
      model: { base: 'none', prompt: `${name}-tiny` },
      corrector: { teacher: 'openai', openai },
    },
    'test',
  );
const template = loadPromptTemplate('points24-tiny', 'points24');
const teacherWith = (openai: object = {}, canSay?: (text: string) => boolean) =>
  new OpenAITeacher(configOf(openai), template, canSay);

/** A wrong thought about a solvable hand: the right verdict is a correction. */
const points24 = gameByName('points24');
const environment = points24.fromState({ cards: ['H4', 'S5', 'D9', 'CK'], formula: ['('] }, points24.parseOptions({}));
const request: JudgeRequest = {
  environment,
  thought: { cards: [], formula: '', thoughts: 'nothing' },
  action: '(',
  target: null,
};
const best = expertOf('points24').bestPlan(environment, null)!;
const CORRECTED = {
  outcome: 'corrected',
  target: best.target,
  correction: best.word(template.thought),
  action: best.action,
};

/** Judges once under these faults; says how many requests came in. */
async function judge({
  faults = [],
  openai = {},
  options,
  canSay,
}: {
  faults?: Partial<FaultRule>[];
  openai?: object;
  options?: JudgeOptions;
  canSay?: (text: string) => boolean;
} = {}) {
  await server.setFaults(faults);
  const before = server.log().length;
  const outcome = await teacherWith(openai, canSay)
    .judge(request, options)
    .then(
      (judgement) => ({ judgement, error: null }),
      (error: unknown) => ({ judgement: null, error: error as TeacherError }),
    );
  return { ...outcome, received: server.log().slice(before) };
}

test.serial('a judgement asks the solver once, then answers: two requests, both counted', async (t) => {
  const { judgement, received } = await judge();
  t.deepEqual(judgement!.verdict, CORRECTED);
  t.is(judgement!.requests, 2);
  t.deepEqual(
    received.map(({ status, furtherMessages }) => [status, furtherMessages]),
    [
      [200, 0],
      [200, 2],
    ],
  );
  t.is(new Set(received.map(({ question }) => question)).size, 1);
  const sum = (count: (usage: NonNullable<(typeof received)[number]['usage']>) => number) =>
    received.reduce((total, { usage }) => total + count(usage!), 0);
  t.deepEqual(judgement!.usage, {
    promptTokens: sum((usage) => usage.prompt_tokens),
    cachedTokens: sum((usage) => usage.prompt_tokens_details.cached_tokens),
    completionTokens: sum((usage) => usage.completion_tokens),
  });
  t.true(judgement!.usage.cachedTokens > 1000, 'the constant part is long enough to be cached, and comes first');
});

/** No answer: the kind of error, and what it says about waiting. */
const ERRORS: { faults: Partial<FaultRule>; kind: TeacherErrorKind; wait?: number; openai?: object }[] = [
  { faults: { fault: 'rateLimit', seconds: 300 }, kind: 'rateLimit', wait: 300 },
  { faults: { fault: 'rateLimit', seconds: 1.5, headers: 'retry-after-ms' }, kind: 'rateLimit', wait: 1.5 },
  { faults: { fault: 'rateLimit', seconds: 72.5, headers: 'x-ratelimit' }, kind: 'rateLimit', wait: 72.5 },
  { faults: { fault: 'rateLimit', headers: 'none' }, kind: 'rateLimit' },
  { faults: { fault: 'status', status: 500 }, kind: 'server' },
  { faults: { fault: 'status', status: 503 }, kind: 'server' },
  { faults: { fault: 'status', status: 409 }, kind: 'server' },
  { faults: { fault: 'status', status: 408 }, kind: 'timeout' },
  { faults: { fault: 'status', status: 400 }, kind: 'badRequest' },
  { faults: { fault: 'status', status: 422 }, kind: 'badRequest' },
  { faults: { fault: 'status', status: 401 }, kind: 'unauthorized' },
  { faults: { fault: 'status', status: 403 }, kind: 'forbidden' },
  { faults: { fault: 'status', status: 404 }, kind: 'notFound' },
  { faults: { fault: 'quota' }, kind: 'quota' },
  { faults: { fault: 'cut' }, kind: 'connection' },
  { faults: { fault: 'cutBody' }, kind: 'connection' },
  { faults: { fault: 'halfJson' }, kind: 'connection' },
  { faults: { fault: 'slow', seconds: 60 }, kind: 'timeout', openai: { timeoutSeconds: 0.3 } },
];

for (const { faults, kind, wait, openai } of ERRORS) {
  test.serial(`${JSON.stringify(faults)}: ${kind}, one request, no secret`, async (t) => {
    const { error, received } = await judge({ faults: [faults], openai });
    t.true(error instanceof TeacherError, String(error));
    t.is(error!.kind, kind);
    t.is(error!.retryAfterSeconds, wait ?? null);
    t.is(error!.passes, ['rateLimit', 'server', 'timeout', 'connection'].includes(kind));
    t.true(received.length <= 1); // the log has a request once it has ended, and a slow one has not
    if (kind !== 'timeout') t.is(received.length, 1);
    t.regex(error!.message, /^The corrector's server [^]*\.$/);
    t.false(inspect(error, { depth: 10, showHidden: true }).includes(KEY));
    t.false(JSON.stringify([error, error!.message, error!.stack]).includes(KEY));
  });
}

test('the faults above cause every kind of error', (t) => {
  t.deepEqual([...new Set(ERRORS.map(({ kind }) => kind))].sort(), [...TEACHER_ERROR_KINDS].sort());
});

/**
 * No sense: asked once more at most, then the reason counts. `requests`: the tool round included where it comes first.
 */
const UNUSABLE: { fault: FaultRule['fault']; reason: UnusableReason; requests: number; askedAgain: boolean }[] = [
  { fault: 'refusal', reason: 'refusal', requests: 1, askedAgain: false },
  { fault: 'contentFilter', reason: 'contentFilter', requests: 1, askedAgain: false },
  { fault: 'contentFilterPrompt', reason: 'contentFilter', requests: 1, askedAgain: false },
  { fault: 'length', reason: 'length', requests: 2, askedAgain: false },
  { fault: 'empty', reason: 'empty', requests: 1, askedAgain: false },
  { fault: 'halfContent', reason: 'schema', requests: 3, askedAgain: true },
  { fault: 'wrongSchema', reason: 'schema', requests: 2, askedAgain: true },
  { fault: 'wrongFormula', reason: 'wrongTarget', requests: 2, askedAgain: true },
  { fault: 'wrongNoSolution', reason: 'wrongNoSolution', requests: 2, askedAgain: true },
  { fault: 'wrongAction', reason: 'wrongAction', requests: 2, askedAgain: true },
  { fault: 'wrongWording', reason: 'wording', requests: 2, askedAgain: true },
  { fault: 'toolLoop', reason: 'toolRounds', requests: 4, askedAgain: false },
];

for (const { fault, reason, requests, askedAgain } of UNUSABLE) {
  const canSay = (text: string) => /^[\x20-\x7e]*$/.test(text);

  test.serial(`${fault} again and again: unusable (${reason}) after ${requests} requests`, async (t) => {
    const { judgement, received } = await judge({ faults: [{ fault }], canSay });
    t.deepEqual(judgement!.verdict, { outcome: 'unusable', reason });
    t.is(judgement!.requests, requests);
    t.is(received.length, requests);
    // answers are paid, whether useful or not
    t.is(judgement!.usage.completionTokens > 0, fault !== 'contentFilterPrompt');
  });

  if (askedAgain) {
    test.serial(`${fault} once: the second answer counts`, async (t) => {
      const { judgement, received } = await judge({ faults: [{ fault, times: 1 }], canSay });
      t.like(judgement!.verdict, { outcome: 'corrected', target: CORRECTED.target });
      t.is(received.length, judgement!.requests);
    });
  }
}

test.serial('several tool calls at once, including wrong ones, are all answered', async (t) => {
  const { judgement, received } = await judge({ faults: [{ fault: 'severalCalls', times: 1 }] });
  t.deepEqual(judgement!.verdict, CORRECTED);
  // The assistant's message and an answer to each of its three calls.
  t.deepEqual(
    received.map(({ furtherMessages }) => furtherMessages),
    [0, 4],
  );
});

test.serial('an interrupted judgement continues after the answers that it has: nothing is paid twice', async (t) => {
  const kept: Answer[] = [];
  let tokens = 0;
  const onAnswer: JudgeOptions['onAnswer'] = async (answer, { usage }) => {
    kept.push(JSON.parse(JSON.stringify(answer)) as Answer); // as a ledger would give it back
    tokens += usage.promptTokens + usage.completionTokens;
  };
  // The tool call is answered; then the server fails.
  await judge();
  const first = server.log().length + 1;
  const failed = await judge({
    faults: [{ fault: 'status', status: 503, requests: [first + 1] }],
    options: { onAnswer },
  });
  t.is(failed.error?.kind, 'server');
  t.is(kept.length, 1);
  const { judgement, received } = await judge({ options: { answers: kept.slice(), onAnswer } });
  t.deepEqual(judgement!.verdict, CORRECTED);
  t.is(received.length, 1);
  t.is(judgement!.requests, 2); // all answers of the judgement, the kept one included
  t.is(kept.length, 2);
  t.is(judgement!.usage.promptTokens + judgement!.usage.completionTokens, tokens);
  const again = await judge({ options: { answers: kept } });
  t.deepEqual(again.judgement, judgement);
  t.is(again.received.length, 0);
});

test.serial('an abort by the caller throws its reason, not an error of the server', async (t) => {
  await server.setFaults([{ fault: 'slow', seconds: 60 }]);
  const controller = new AbortController();
  const judging = teacherWith().judge(request, { signal: controller.signal });
  controller.abort(new Error('the run was stopped'));
  await t.throwsAsync(judging, { message: 'the run was stopped' });
});

test.serial("an account's limits come back in the headers and are enforced", async (t) => {
  const limited = await startRehearsal({ args: ['--rpm', '2', '--tpm', '100000'] });
  try {
    process.env.OPENAI_BASE_URL = limited.url;
    const states: unknown[] = [];
    await teacherWith().judge(request, {
      onAnswer: async (_, { rateLimit }) =>
        void states.push(rateLimit.remainingRequests, rateLimit.remainingTokens! < 100_000),
    });
    t.deepEqual(states, [1, true, 0, true]);
    const error = await t.throwsAsync<TeacherError>(teacherWith().judge(request), { instanceOf: TeacherError });
    t.is(error!.kind, 'rateLimit');
    // two a minute: the next one after half a minute
    t.true(error!.retryAfterSeconds! > 10 && error!.retryAfterSeconds! <= 30);
  } finally {
    process.env.OPENAI_BASE_URL = server.url;
    await limited.stop();
  }
});

test.serial('Azure: deployment and version stand in the address, the key in its own header', async (t) => {
  process.env.AZURE_OPENAI_ENDPOINT = server.url.replace('/v1', '');
  process.env.AZURE_OPENAI_API_KEY = KEY;
  const { judgement, received } = await judge({ openai: { azure: { deployment: 'my-gpt' } } });
  t.deepEqual(judgement!.verdict, CORRECTED);
  t.is(received[0].path, '/openai/deployments/my-gpt/chat/completions');
});

test('where the key or the address is missing, the error says which', (t) => {
  const { openai } = configOf().corrector;
  const azure = { ...openai, azure: { deployment: 'd', apiVersion: 'v' } };
  const message = (settings: typeof openai, environment: Record<string, string>) =>
    t.throws<TeacherError>(() => connect(settings, environment), { instanceOf: TeacherError }).message;
  t.regex(message(openai, {}), /^OPENAI_API_KEY is not set/);
  t.regex(message(azure, {}), /^AZURE_OPENAI_ENDPOINT is not set/);
  t.regex(
    message(azure, { AZURE_OPENAI_ENDPOINT: 'https://x', OPENAI_API_KEY: 'k' }),
    /^AZURE_OPENAI_API_KEY is not set/,
  );
  t.is(connect(openai, { OPENAI_BASE_URL: 'http://localhost:11434/v1' }).client.baseURL, 'http://localhost:11434/v1');
  t.is(connect(openai, { OPENAI_API_KEY: 'k' }).client.baseURL, 'https://api.openai.com/v1');
});

test('the same model name on another server is another teacher; no address or key stands in the identity', (t) => {
  const { openai } = configOf().corrector;
  const azure = { ...openai, azure: { deployment: 'd', apiVersion: 'v' } };
  const url = 'https://user:password@models.example/v1';
  t.is(serverName(openai, { OPENAI_API_KEY: KEY }), 'openai');
  t.is(serverName(azure, { OPENAI_BASE_URL: url }), 'azure');
  t.regex(serverName(openai, { OPENAI_BASE_URL: url }), /^server [0-9a-f]{12}$/);
  t.is(serverName(openai, { OPENAI_BASE_URL: `${url}/` }), serverName(openai, { OPENAI_BASE_URL: url }));
  t.not(serverName(openai, { OPENAI_BASE_URL: server.url }), serverName(openai, { OPENAI_BASE_URL: url }));
  t.false(JSON.stringify(teacherWith().identity).includes('127.0.0.1'));
});

test('a server and its key are found by the list of its models', async (t) => {
  t.deepEqual(await listModels({ OPENAI_BASE_URL: server.url, OPENAI_API_KEY: KEY }), ['gpt-4o']);
  const error = await t.throwsAsync<TeacherError>(
    listModels({ OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'another' }),
    { instanceOf: TeacherError },
  );
  t.is(error!.kind, 'unauthorized');
  await t.throwsAsync(listModels({}), { message: /OPENAI_API_KEY is not set/ });
});

test.serial("the server's log holds no key", async (t) => {
  await judge({ faults: [{ fault: 'status', status: 401 }] });
  t.true(server.log().length > 0);
  t.false(JSON.stringify(server.log()).includes(KEY));
});

test.serial('a server that cannot be reached is a connection error', async (t) => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  process.env.OPENAI_BASE_URL = `http://127.0.0.1:${(gone.address() as AddressInfo).port}/v1`;
  gone.close();
  await once(gone, 'close');
  const error = await t.throwsAsync<TeacherError>(teacherWith().judge(request), { instanceOf: TeacherError });
  t.is(error!.kind, 'connection');
  t.regex(error!.message, /cannot be reached or broke off: .*ECONNREFUSED/);
  process.env.OPENAI_BASE_URL = server.url;
});
