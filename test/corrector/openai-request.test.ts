/** What goes over the wire: the body of requests, caught by a server that answers nothing. */
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { CORRECTOR_PROMPTS, loadCorrectorPrompt, systemText } from '../../core/corrector/corrector-prompt.ts';
import { OpenAITeacher } from '../../core/corrector/openai-teacher.ts';
import { decodePicture } from '../../core/corrector/rehearsal/read-picture.ts';
import { TeacherError } from '../../core/corrector/teacher.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

type Part = { type: string; text?: string; image_url?: { url: string; detail: string } };
type Body = {
  model: string;
  messages: [{ role: string; content: string }, { role: string; content: Part[] }];
  tools?: { function: { name: string } }[];
  tool_choice?: string;
  response_format?: { type: string; json_schema: { strict: boolean } };
} & Record<string, unknown>;

const bodies: Body[] = [];
const server = createServer((request, response) => {
  let text = '';
  request.on('data', (chunk: Buffer) => (text += chunk.toString()));
  request.on('end', () => {
    bodies.push(JSON.parse(text) as Body);
    response.writeHead(503).end();
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');
process.env.OPENAI_BASE_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
test.after.always(() => server.close());

async function ask(
  name: string,
  { openai = {}, episode = 0 }: { openai?: object; episode?: number } = {},
): Promise<Body> {
  const config = parseConfig(
    runConfigSchema,
    { environment: { name }, model: { base: 'none', prompt: name }, corrector: { teacher: 'openai', openai } },
    'test',
  );
  const game = gameByName(name);
  const environment = game.start({ seed: 1, episode }, game.parseOptions({}));
  await new OpenAITeacher(config, loadPromptTemplate(name, name))
    .judge({
      environment,
      thought: { thoughts: `thought ${episode}` },
      action: environment.legalActions()[0],
      target: episode === 0 ? null : '1+2',
    })
    .catch((error: unknown) => {
      if (!(error instanceof TeacherError)) throw error;
    });
  return bodies.at(-1)!;
}

for (const name of CORRECTOR_PROMPTS) {
  test.serial(
    `${name}: the constant part comes first and is the same for all requests; the picture comes last`,
    async (t) => {
      const [first, second] = [await ask(name), await ask(name, { episode: 1 })];
      const constant = ({ messages, model, tools, tool_choice, response_format }: Body) =>
        JSON.stringify([messages[0], model, tools, tool_choice, response_format]);
      t.is(constant(first), constant(second));
      t.is(first.messages[0].role, 'system');
      for (const [
        index,
        {
          messages: [, { role, content }],
        },
      ] of [first, second].entries()) {
        t.is(role, 'user');
        t.deepEqual(
          content.map(({ type }) => type),
          ['text', 'image_url'],
        );
        t.true(content[0].text!.includes(`{"thoughts":"thought ${index}"}`));
        const { width, height } = await decodePicture(
          Buffer.from(content[1].image_url!.url.replace('data:image/png;base64,', ''), 'base64'),
        );
        t.deepEqual([width, height], [300, 300]);
      }
      t.notDeepEqual(first.messages[1], second.messages[1]);
      // Every placeholder of ours was filled; those that are left explain the form of a thought.
      const form =
        Object.values(loadPromptTemplate(name, name).thought).join() +
        Object.keys(loadCorrectorPrompt(name).words)
          .map((word) => `{${word}}`)
          .join();
      for (const [mark] of first.messages[0].content.matchAll(/\{\w+\}/g)) t.true(form.includes(mark), mark);
      t.false(/\{\w+\}/.test(content(first)));
    },
  );
}

const content = ({ messages }: Body) => messages[1].content[0].text!;

test.serial('what the model has to see for itself is not in the text', async (t) => {
  const text = content(await ask('blackjack'));
  t.is(text, 'The agent\'s thought: {"thoughts":"thought 0"}\nThe action that it took on it: stand');
  t.is(
    content(await ask('points24', { episode: 1 })),
    'Current formula: ""\nTarget formula so far: 1+2\nThe agent\'s thought: {"thoughts":"thought 1"}\nThe action ' +
      'that it took on it: 1',
  );
  t.regex(content(await ask('points24')), /Target formula so far: none yet/);
  const household = content(await ask('alfworld'));
  t.regex(household, /^The task: \w[^]*Admissible commands, one a line:\ngo to /);
});

test.serial('settings of the request', async (t) => {
  const standard = await ask('points24');
  t.like(standard, { model: 'gpt-4o', temperature: 0.4, max_completion_tokens: 400, tool_choice: 'auto' });
  t.deepEqual(
    standard.tools!.map((tool) => tool.function.name),
    ['find_all_correct_formulas'],
  );
  t.like(standard.response_format, { type: 'json_schema', json_schema: { strict: true } });
  t.is((await ask('ezpoints')).tools, undefined);

  const other = await ask('points24', {
    openai: {
      model: 'mine',
      temperature: null,
      maxTokens: 99,
      maxTokensField: 'max_tokens',
      answerFormat: 'json',
      toolRounds: 0,
      image: { format: 'jpeg', size: 128, detail: 'low' },
    },
  });
  t.like(other, { model: 'mine', max_tokens: 99, response_format: { type: 'json_object' } });
  for (const absent of ['temperature', 'max_completion_tokens', 'tools', 'tool_choice'])
    t.false(absent in other, absent);
  const { url, detail } = other.messages[1].content[1].image_url!;
  t.is(detail, 'low');
  t.true(url.startsWith('data:image/jpeg;base64,'));
  t.is((await decodePicture(Buffer.from(url.split(',')[1], 'base64'))).width, 128);
  t.false('response_format' in (await ask('points24', { openai: { answerFormat: 'text' } })));
});

test('the examples of a constant part are right in any wording, and absent where a wording has none', (t) => {
  const prompt = loadCorrectorPrompt('points24');
  for (const wording of ['points24', 'points24-tiny']) {
    const text = systemText(prompt, loadPromptTemplate(wording, 'points24'));
    t.is(text.match(/^Example \d\./gm)?.length, 2);
    t.true(text.includes('"evaluation":"no"') && text.includes('"evaluation":"yes"'));
  }
  t.false(systemText(prompt, { ...loadPromptTemplate('points24', 'points24'), thought: {} }).includes('Example'));
});

test("a user's prompt file, and its faults", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-prompt-'));
  const write = (content: unknown) => {
    const file = path.join(folder, 'mine.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  const good = {
    environment: 'numberline',
    version: 3,
    system: ['Judge.', '{questions}', '{form}'],
    questions: ['Why?'],
    request: '{thought}',
  };
  const prompt = loadCorrectorPrompt('numberline', write(good));
  t.is(
    systemText(prompt, loadPromptTemplate('numberline-tiny', 'numberline')),
    'Judge.\n1. Why?\n{"current number":"{current}","target number":"{target}","thoughts":"{target} is {relation} ' +
      '{current}, go {next}","action":"{next}"}',
  );
  const refused = (content: unknown, message: RegExp, environment = 'numberline') =>
    t.throws(() => loadCorrectorPrompt(environment, write(content)), { message });
  refused('{', /cannot read .*mine\.json/);
  refused({ ...good, system: 'Judge {form}' }, /mine\.json: system: must contain \{questions\}/);
  refused({ ...good, request: 'x' }, /request: must contain \{thought\}/);
  refused({ ...good, tone: 'kind' }, /unknown key "tone"\.$/);
  refused(good, /is for environment numberline, not points24/, 'points24');
  t.throws(() => loadCorrectorPrompt('numberline', 'none-such'), {
    message: /cannot read .*corrector\/prompts\/none-such\.json/,
  });
});
