/** Users' supervised data: read item by item, refused with file and index, trained on as what it shows. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { modelFolder } from '../../configs/project-folder.ts';
import { parseConfig, sftConfigSchema } from '../../configs/schema.ts';
import { demonstrationCheck } from '../../core/corrector/check-demonstration.ts';
import { makeDemonstrations } from '../../core/corrector/demonstrations.ts';
import { readLlavaDemonstrations } from '../../core/corrector/llava-demonstrations.ts';
import { encodePng } from '../../core/pictures/png.ts';
import { points24 } from '../../core/envs/points24.ts';
import { initAdam } from '../../core/learner/adam.ts';
import { superviseSteps, type TaughtAnswer } from '../../core/learner/supervise.ts';
import { openWording } from '../../core/policy/agent-parts.ts';
import { Agent } from '../../core/policy/agent.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gtr-llava-'));
mkdirSync(path.join(folder, 'pictures'));
writeFileSync(path.join(folder, 'pictures/a.png'), encodePng({ width: 2, height: 1, data: new Uint8Array(6) }));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const item = (over: object = {}) => ({
  id: '7',
  image: 'pictures/a.png',
  conversations: [
    { from: 'human', value: '<image>\nWhat now?' },
    { from: 'gpt', value: '{"action": "+"}' },
  ],
  ...over,
});
const write = (text: string) => {
  const file = path.join(folder, 'data.json');
  writeFileSync(file, text);
  return file;
};
const read = async (text: string, images: string | null = null) =>
  await Array.fromAsync(readLlavaDemonstrations(write(text), images));

test.serial('a list, or one object a line, whatever its size and spacing', async (t) => {
  const expected = {
    image: path.join(folder, 'pictures/a.png'),
    prompt: '<image>\nWhat now?',
    text: '{"action": "+"}',
  };
  t.deepEqual(await read(JSON.stringify([item()])), [expected]);
  t.deepEqual(await read(`${JSON.stringify(item())}\n${JSON.stringify(item({ id: 8 }))}\n`), [expected, expected]);
  // Longer than one read of the file, with brackets, quotes and letters of several bytes inside the texts.
  const value = `<image>${' {"]} \\ é'.repeat(50)}`;
  const long = Array.from({ length: 400 }, () =>
    item({
      conversations: [
        { from: 'human', value },
        { from: 'gpt', value: '}' },
      ],
    }),
  );
  const found = await read(JSON.stringify(long, null, 2));
  t.is(found.length, 400);
  t.true(found.every(({ prompt, text }) => prompt === value && text === '}'));
  t.deepEqual(await read(JSON.stringify([item({ image: 'a.png' })]), path.join(folder, 'pictures')), [expected]);
});

test.serial('faults are named by file and index', async (t) => {
  const refused = async (text: string, message: RegExp) =>
    await t.throwsAsync(read(text), { name: 'ConfigError', message });
  await refused(
    JSON.stringify([item(), item({ image: 'pictures/b.png' })]),
    /data\.json, item 1: there is no picture .*pictures\/b\.png; demonstrations\.images names/,
  );
  await refused(JSON.stringify([item({ conversations: [] })]), /data\.json, item 0: conversations/);
  await refused(
    JSON.stringify([
      item({
        conversations: [
          { from: 'gpt', value: 'x' },
          { from: 'human', value: '<image>' },
        ],
      }),
    ]),
    /item 0: conversations\.0\.from/,
  );
  await refused(
    JSON.stringify([
      item({
        conversations: [
          { from: 'human', value: 'What?' },
          { from: 'gpt', value: 'x' },
        ],
      }),
    ]),
    /item 0: the question must hold <image> once; it begins "What\?"/,
  );
  await refused(JSON.stringify([{ id: '7' }]), /item 0: image/);
  await refused(JSON.stringify([item()]).slice(0, -20), /item 0: the file ends inside it; it was cut off/);
  await refused('[{"id": 7,}]', /item 0: is not JSON/);
  await refused('["text"]', /item 0: begins with "\\""; every item must be a JSON object/);
  await refused('[]', /data\.json: holds no JSON object/);
  await t.throwsAsync(Array.fromAsync(readLlavaDemonstrations(path.join(folder, 'none.json'), null)), {
    name: 'ConfigError',
    message: /none\.json: cannot be read/,
  });
});

test.serial('all faults are reported at once, up to twenty, in order, after reading every picture', async (t) => {
  const whole = encodePng({ width: 9, height: 9, data: new Uint8Array(243).map((_, index) => index) });
  writeFileSync(path.join(folder, 'pictures/cut.png'), whole.subarray(0, -30));
  writeFileSync(path.join(folder, 'pictures/text.png'), 'no picture');
  const items = [item(), item({ image: 'pictures/cut.png' }), item({ image: 7 }), item({ image: 'pictures/text.png' })];
  const { message } = (await t.throwsAsync(read(`[${items.map((each) => JSON.stringify(each)).join()}, {"id" 3}]`)))!;
  const lines = message.split('\n');
  t.is(lines.length, 5);
  t.is(lines[0], '4 faults:');
  t.regex(lines[1], /data\.json, item 1: .*cut\.png: cannot be read as a picture \(.*\)\.$/);
  t.regex(lines[2], /data\.json, item 2: image/);
  t.regex(lines[3], /data\.json, item 3: .*text\.png: cannot be read as a picture/);
  t.regex(lines[4], /data\.json, item 4: is not JSON/);
  const many = await t.throwsAsync(
    read(JSON.stringify(Array.from({ length: 500 }, () => item({ image: 'none.png' })))),
  );
  const told = many!.message.split('\n');
  t.is(told.length, 22);
  t.regex(told[20], /item 19: there is no picture/);
  t.is(told[21], '  and 480 more');
});

test.serial('demonstrations that a model cannot be trained on are refused by file and index', async (t) => {
  const wording = openWording(
    { model: { base: 'models/points24-tiny', prompt: 'points24-tiny' }, environment: { name: 'points24' } },
    modelFolder,
  );
  const answer =
    '{"cards":["A","2","3","4"],"formula":"","thoughts":"numbers 1 2 3 4 left 1 2 3 4 reach 24","action":"1"}';
  const problem = async (question: string, value: string) => {
    const conversations = [
      { from: 'human', value: question },
      { from: 'gpt', value },
    ];
    const file = write(JSON.stringify([item({ conversations })]));
    try {
      await Array.fromAsync(readLlavaDemonstrations(file, null, demonstrationCheck(wording)));
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  t.is(await problem('<image>1+2', answer), null);
  for (const special of ['</s>', '<image>', '<pad>', '<s>'])
    t.regex(
      (await problem('<image>1', answer.replace('reach 24', special)))!,
      new RegExp(`data\\.json, item 0: the answer holds "${special}", which is a special token of the model`),
    );
  t.regex((await problem('</s><image>1', answer))!, /item 0: the question holds "<\/s>"/);
  t.regex(
    (await problem('<image>1', answer.replace('reach 24', 'Привет')))!,
    /item 0: the model's vocabulary cannot express the answer, which begins "\{\\"cards/,
  );
  t.regex((await problem(`<image>${'+'.repeat(13)}`, answer))!, /cut by 1 tokens to the 12 of fixedLength/);
  t.regex(
    (await problem(`<image>${'+'.repeat(300)}`, answer))!,
    /a prompt of 317 tokens, image included, and an answer of \d+ make \d+, but the model has 256 positions/,
  );
  t.regex((await problem('<image>1', answer.replace('reach 24', '+'.repeat(300))))!, /but the model has 256 positions/);
});

test('trained on pictures and questions, a model is the same as trained on the states that they show', async (t) => {
  const config = parseConfig(
    sftConfigSchema,
    {
      environment: { name: 'points24', options: { deals: 'seen' } },
      model: { base: 'models/points24-tiny', prompt: 'points24-tiny', imageSize: 64, valueHead: [64, 32] },
      demonstrations: { count: 8 },
      batch: 8,
    },
    'test',
  );
  const { model, environment, engine } = config;
  const agent = await Agent.open({ model: { ...model, base: model.base! }, environment, engine }, modelFolder);
  try {
    const options = points24.parseOptions(environment.options);
    const states = await makeDemonstrations(config);
    const pictures = states.map(({ state, text }, index) => {
      const shown = points24.fromState(state, options);
      const image = path.join(folder, `${index}.png`);
      writeFileSync(image, encodePng(shown.observe(64)));
      return { image, prompt: `<image>${shown.promptValues().formula}`, text };
    });
    const train = async (answers: readonly TaughtAnswer[]) => {
      const parameters = agent.engine.initialParameters(1);
      const state = { parameters, adam: initAdam(parameters.length), step: 0, losses: [] };
      await superviseSteps(
        {
          agent,
          game: points24,
          options,
          config,
          steps: 1,
          demonstrations: async (from, until) => answers.slice(from, until),
        },
        state,
        1,
      );
      return state;
    };
    const [fromStates, fromPictures] = [await train(states), await train(pictures)];
    t.deepEqual(fromPictures.losses, fromStates.losses);
    t.deepEqual(fromPictures.parameters, fromStates.parameters);
    t.notDeepEqual(fromPictures.parameters, agent.engine.initialParameters(1));
  } finally {
    await agent.close();
  }
});
