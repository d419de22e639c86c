/** What servers send with status 200, of every form: read, or refused by name before anything is kept. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import test from 'ava';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { type Completion, keptCompletion, readCompletion } from '../../core/corrector/completion.ts';
import { problemOf } from '../../core/corrector/openai-client.ts';
import { retryAfterSeconds } from '../../core/corrector/openai-errors.ts';
import { OpenAITeacher } from '../../core/corrector/openai-teacher.ts';
import { type Answer, TeacherError } from '../../core/corrector/teacher.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { completionBodies } from '../../bench/fuzz/bodies.ts';

const completion = (message: unknown, more: object = {}) => ({
  choices: [{ finish_reason: 'stop', message }],
  ...more,
});
const NOTHING: Completion = {
  finish: 'stop',
  content: null,
  refused: false,
  toolCalls: [],
  usage: { promptTokens: 0, cachedTokens: 0, completionTokens: 0 },
};

for (const [what, body, expected] of [
  ['a text', completion({ content: 'yes' }), { content: 'yes' }],
  [
    'parts, which are joined',
    completion({ content: [{ type: 'text', text: '{"a":' }, 'b', { type: 'thinking', thinking: '?' }, { text: '}' }] }),
    { content: '{"a":b}' },
  ],
  ['no content', completion({}), {}],
  ['a refusal', completion({ refusal: 'I will not' }), { refused: true }],
  [
    'calls of the tool, arguments as text or object',
    completion({
      tool_calls: [
        { id: 'x', function: { name: 'f', arguments: '{"a":1}' } },
        { function: { name: 'g', arguments: { a: 1 } } },
      ],
    }),
    {
      toolCalls: [
        { id: 'x', name: 'f', arguments: '{"a":1}' },
        { id: '', name: 'g', arguments: '{"a":1}' },
      ],
    },
  ],
  [
    'counts as texts',
    completion({ content: 'x' }, { usage: { prompt_tokens: '10', completion_tokens: '5' } }),
    { content: 'x', usage: { promptTokens: 10, cachedTokens: 0, completionTokens: 5 } },
  ],
  [
    'counts without sense, which count nothing',
    completion(
      { content: 'x' },
      { usage: { prompt_tokens: 'many', completion_tokens: -3.5, prompt_tokens_details: { cached_tokens: 9 } } },
    ),
    { content: 'x' },
  ],
  ['usage that is none', completion({ content: 'x' }, { usage: 'free' }), { content: 'x' }],
  ['JSON as text', JSON.stringify(completion({ content: 'x' })), { content: 'x' }],
] as [string, unknown, Partial<Completion>][])
  test(`an answer with ${what}`, (t) => {
    t.deepEqual(readCompletion(body), { ...NOTHING, ...expected });
    t.deepEqual(keptCompletion(JSON.parse(JSON.stringify(readCompletion(body)))), readCompletion(body));
  });

for (const [what, body, kind, message] of [
  ['no message', completion(null), 'server', /did not answer with a chat completion \(choices\.0\.message: /],
  ['no choice', { choices: [] }, 'server', /did not answer with a chat completion \(choices\.0: /],
  ['calls that are not a list', completion({ tool_calls: 'none' }), 'server', /choices\.0\.message\.tool_calls/],
  ['content of a number', completion({ content: 7 }), 'server', /choices\.0\.message\.content/],
  ['an error', { error: { message: 'overloaded' } }, 'server', /choices: .*; it says: overloaded\)/],
  ['a web page', '<html><body>nginx</body></html>', 'notFound', /for example with a web page; check OPENAI_BASE_URL/],
  ['nothing', undefined, 'server', /the whole/],
] as const)
  test(`refused by name: ${what}`, (t) => {
    const error = t.throws(() => readCompletion(body), { instanceOf: TeacherError, message });
    t.is(error.kind, kind);
    t.notRegex(error.message, /\n/);
  });

test('whatever a server sends is an answer or a named error', (t) => {
  fc.assert(
    fc.property(completionBodies, (body) => {
      try {
        const read = readCompletion(body);
        t.deepEqual(keptCompletion(JSON.parse(JSON.stringify(read))), read);
        return true;
      } catch (error) {
        return error instanceof TeacherError;
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});

test('waits that are asked for are numbers that Temporal takes', (t) => {
  const wait = (value: string) => retryAfterSeconds(new Headers({ 'retry-after': value }), 0);
  t.is(wait('9'.repeat(400)), 30 * 86_400);
  t.is(wait('Fri, 31 Dec 9999 23:59:59 GMT'), 30 * 86_400);
  const reset = { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1.2.3s' };
  t.true(Number.isFinite(retryAfterSeconds(new Headers(reset), 0)));
});

/** A server that answers every question with this. */
async function answering(t: { teardown(fn: () => void): void }, type: string, body: () => string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': type }).end(body());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

const config = parseConfig(
  runConfigSchema,
  {
    environment: { name: 'points24' },
    model: { base: 'none', prompt: 'points24-tiny' },
    corrector: { teacher: 'openai', openai: { toolRounds: 0 } },
  },
  'test',
);
const points24 = gameByName('points24');
const request = {
  environment: points24.fromState({ cards: ['H4', 'S5', 'D9', 'CK'], formula: [] }, points24.parseOptions({})),
  thought: { thoughts: 'nothing' },
  action: '(',
  target: null,
};
const said = {
  answers: [],
  evaluation: 'yes',
  possible_solution: 'yes',
  target_formula: '(10-4)*(9-5)',
  correction: null,
};

test.serial('an invalid answer is not kept, and the server is asked again', async (t) => {
  let body: unknown = completion(null);
  process.env.OPENAI_BASE_URL = await answering(t, 'application/json', () => JSON.stringify(body));
  const teacher = new OpenAITeacher(config, loadPromptTemplate('points24-tiny', 'points24'));
  const kept: Answer[] = [];
  const judge = () =>
    teacher.judge(request, { answers: [...kept], onAnswer: async (answer) => void kept.push(answer) });
  for (const spoiled of [completion(null), completion({ content: 3 }), completion({ tool_calls: {} }), 7, null]) {
    body = spoiled;
    await t.throwsAsync(judge(), { instanceOf: TeacherError, message: /did not answer with a chat completion/ });
    t.deepEqual(kept, []);
  }
  body = completion({ content: [{ type: 'text', text: JSON.stringify(said) }] }, { usage: { prompt_tokens: '9' } });
  t.like(await judge(), { verdict: { outcome: 'correct' }, usage: { promptTokens: 9 } });
  t.is(kept.length, 1);
  // What an earlier version kept without looking is as if it were not there.
  kept.unshift({ finish: 'stop', content: [{ type: 'text' }], refused: false, toolCalls: [], usage: {} });
  body = 'not asked any more';
  t.like(await judge(), { verdict: { outcome: 'correct' }, requests: 1 });
});

test.serial('a web server instead of the API is detected before a question is asked', async (t) => {
  const address = await answering(t, 'text/html', () => '<html>It works!</html>');
  const problem = await problemOf(config.corrector.openai, { OPENAI_BASE_URL: address });
  t.like(problem, { kind: 'notFound', passes: false });
  t.regex(problem!.message, /for example with a web page; check OPENAI_BASE_URL/);
  const other = await answering(t, 'application/json', () => '{"status": "ok"}');
  t.like(await problemOf(config.corrector.openai, { OPENAI_BASE_URL: other }), { kind: 'notFound' });
  const api = await answering(t, 'application/json', () => JSON.stringify(completion({ content: '' })));
  t.is(await problemOf(config.corrector.openai, { OPENAI_BASE_URL: api }), null);
});
