/** Users' own games: loading, defaults, the contract, and the message for each way to break it. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { checkEnvironment, type CheckSettings } from '../../core/corrector/conformance-environment.ts';
import { checkTeacher } from '../../core/corrector/teachers.ts';
import { loadCorrectorPrompt } from '../../core/corrector/corrector-prompt.ts';
import { estimateRun } from '../../core/corrector/estimate.ts';
import { expertOf, findExpert } from '../../core/corrector/experts.ts';
import { OpenAITeacher } from '../../core/corrector/openai-teacher.ts';
import { rehearse } from '../corrector/rehearse.ts';
import { likelyKept } from '../../core/corrector/needed-steps.ts';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { checkEnvironments } from '../../core/envs/check-games.ts';
import { BUILT_IN_MODULES } from '../../core/envs/plug-in.ts';
import { GAMES, gameByName } from '../../core/envs/registry.ts';
import { encodePng } from '../../core/pictures/png.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

const MAZE = './examples/picture-maze.ts';
const SETTINGS: CheckSettings = { options: {}, prompt: null, maxEpisodeSteps: 20, imageSize: 64, tokenizer: null };
const folder = mkdtempSync(path.join(tmpdir(), 'gtr-plug-in-'));
let files = 0;

/** A module in a folder outside of the project. */
function module(text: string, extension = 'mjs'): string {
  const file = path.join(folder, `game-${files++}.${extension}`);
  writeFileSync(file, text);
  return file;
}

/** A counting game, whose parts a test replaces. */
function counting({ step, observe, start, values, more = '', parts = '' }: Record<string, string | undefined>): string {
  return module(`
    const play = (state) => {
      let { n, seed } = state;
      return {
        state: () => ({ n, seed }),
        observe: (size) => ${observe ?? '({ width: 2, height: 1, data: new Uint8Array(6).fill(n * 16 + seed) })'},
        promptValues: () => ${values ?? '({ count: String(n) })'},
        legalActions: () => ['Add', 'Stay'],
        step(action) {
          if (n >= 3) throw new Error('the episode is over');
          if (!['Add', 'Stay'].includes(action)) throw new RangeError(action);
          if (action === 'Add') n++;
          return ${step ?? "{ reward: n >= 3 ? 1 : 0, stop: n >= 3 ? 'terminated' : null }"};
        },
      };
    };
    export default {
      game: {
        name: 'counting',
        start: ${start ?? '({ random }) => play({ n: 0, seed: random.below(8) })'},
        fromState: play,
        ${more}
      },
      prompt: { prompt: '<image>{count}', chat: false, keys: ['thoughts', 'action'], thought: { thoughts: 'go {next}' } },
      ${parts}
    };
  `);
}

const failures = async (name: string) =>
  (await Array.fromAsync(checkEnvironment(name, SETTINGS)))
    .filter(({ passed }) => !passed)
    .map(({ check, detail }) => `${check}: ${detail}`);

for (const name of [...GAMES.map((game) => game.name), ...BUILT_IN_MODULES, MAZE])
  test(`${name} keeps the contract`, async (t) => {
    t.deepEqual(await failures(name), []);
  });

test('a module outside the project has a game, a prompt and an expert; defaults fill the rest', async (t) => {
  const name = counting({ parts: "expert: { goodActions: () => ['Add'], words: () => ({}) }" });
  t.deepEqual(await failures(name), []);
  const prompt = (await Array.fromAsync(checkEnvironment(name, SETTINGS))).find(
    ({ check }) => check === 'corrector prompt',
  );
  t.regex(prompt!.detail, /^none: /);
  const game = gameByName(name);
  const environment = game.start({ seed: 1, episode: 0 }, game.parseOptions({}));
  t.is(environment.name, name);
  t.is(game.readAction(' "add"}', environment.legalActions()), 'Add');
  t.is(game.readAction('"add stay"', environment.legalActions()), null);
  t.deepEqual(game.cut.reward, null);
  t.is(game.outcome({ start: {}, end: {} }, 1).success, true);
  t.is(loadPromptTemplate(null, name).environment, 'counting');
  const plan = expertOf(name).bestPlan(environment, null)!;
  t.deepEqual([plan.action, plan.word({ thoughts: 'go {next}' })], ['Add', { thoughts: 'go Add' }]);
  t.throws(() => game.parseOptions({ size: 3 }), { message: /environment.options \(counting\): unknown key "size"/ });
});

test('a module may read its files before a run; whatever it throws is a fault in them', async (t) => {
  const config = (name: string) => runConfigSchema.parse({ environment: { name }, model: { base: 'x' } });
  const found = counting({ more: "check: async () => ({ notes: ['2 levels'], faults: [] })," });
  t.deepEqual(await checkEnvironments(config(found)), ['2 levels']);
  const faulty = counting({ more: "check: () => ({ faults: ['level 1 is empty'] })," });
  await t.throwsAsync(checkEnvironments(config(faulty)), { name: 'ConfigError', message: /level 1 is empty/ });
  t.deepEqual(await failures(faulty), ['options: level 1 is empty']);
  const thrown = counting({ more: "check: () => { throw new Error('no levels.json'); }," });
  await t.throwsAsync(checkEnvironments(config(thrown)), { message: /no levels\.json/ });
});

test('a package is found by its name, from the current folder or from that of workers', (t) => {
  const maze = path.resolve(MAZE);
  const install = (name: string) => {
    const home = path.join(folder, 'node_modules', name);
    mkdirSync(home, { recursive: true });
    writeFileSync(path.join(home, 'package.json'), `{"name":"${name}","type":"module","exports":"./game.js"}`);
    writeFileSync(path.join(home, 'game.js'), `export { default } from ${JSON.stringify(maze)};`);
    return name;
  };
  const plays = (name: string) => t.is(gameByName(name).start({ seed: 1, episode: 0 }, {}).legalActions().length, 4);
  const here = process.cwd();
  process.chdir(folder);
  try {
    plays(install('my-game'));
  } finally {
    process.chdir(here);
  }
  process.env['GTR_PACKAGES'] = folder;
  try {
    plays(install('@me/another-game'));
    t.throws(() => gameByName('no-game'), { message: new RegExp(`found from .* or ${folder} `) });
  } finally {
    delete process.env['GTR_PACKAGES'];
  }
});

test('an outcome with only `success` has no group and no progress', (t) => {
  const game = gameByName(counting({ more: 'outcome: () => ({ success: true }),' }));
  t.deepEqual(game.outcome({ start: {}, end: {} }, 0), { success: true, group: null, progress: null });
});

test('a picture may be a PNG file beside the module; free texts are actions', (t) => {
  writeFileSync(path.join(folder, 'red.png'), encodePng({ width: 1, height: 1, data: new Uint8Array([255, 0, 0]) }));
  const name = counting({ observe: "'red.png'", more: 'freeText: true,' });
  const game = gameByName(name);
  const environment = game.start({ seed: 1, episode: 0 }, {});
  t.deepEqual(environment.observe(64), { width: 1, height: 1, data: new Uint8Array([255, 0, 0]) });
  t.is(environment.observe(64), environment.observe(64));
  t.is(game.readAction(' "go to the \\"blue\\" door"}', environment.legalActions()), 'go to the "blue" door');
  t.is(game.readAction(' ""}', environment.legalActions()), null);
});

const BROKEN: [what: string, name: () => string, message: RegExp][] = [
  ['no file', () => './no/such-game.ts', /there is no file .*such-game\.ts; name the module/],
  ['a syntax error', () => module('export default {'), /cannot be loaded: /],
  ['no export', () => module('export const x = 1;'), /has no default export with a `game`/],
  ['no prompt', () => module("export default { game: { name: 'a', start() {}, fromState() {} } };"), /has no `prompt`/],
  ['no start', () => module("export default { game: { name: 'a' }, prompt: {} };"), /without the function `start`/],
  ['a built-in name', () => counting({ more: "name: 'numberline'," }), /called numberline like a built-in one/],
  ['a cut that is a number', () => counting({ more: 'cut: -1,' }), /whose `cut` is not { reward }/],
  ['an unknown part', () => counting({ parts: 'experts: {}' }), /the part `experts`, which is not one of game, prompt/],
];
for (const [what, name, message] of BROKEN)
  test(`${what} is reported in one sentence`, (t) => {
    t.throws(() => gameByName(name()), { name: 'ConfigError', message });
  });

test('an expert without its functions and a prompt without its fields are refused', (t) => {
  t.throws(() => expertOf(counting({ parts: 'expert: {}' })), { message: /needs the functions goodActions, words/ });
  const name = counting({ parts: "correctorPrompt: { system: 'x' }" });
  t.throws(() => loadCorrectorPrompt(name), { message: /correctorPrompt: system: must contain \{questions\}/ });
});

const UNSOUND: [what: string, parts: Record<string, string>, message: RegExp][] = [
  [
    'a random start',
    { start: '() => play({ n: 0, seed: Math.floor(Math.random() * 200) })' },
    /^determinism: .*played twice/,
  ],
  ['the same start', { start: '() => play({ n: 0, seed: 1 })' }, /^determinism: all of 20 episodes begin the same way/],
  ['a stop of its own', { step: "{ reward: 0, stop: n >= 3 ? 'won' : null }" }, /`stop` after .* is "won"/],
  [
    'a state that is too large',
    { start: "({ random }) => play({ n: 0, seed: 'x'.repeat(300000) + random.below(8) })" },
    /^states: state\(\) takes 3\d+ bytes/,
  ],
  ['no reward', { step: "{ stop: n >= 3 ? 'terminated' : null }" }, /the reward of .* is undefined/],
  [
    'a date in a state',
    { start: '() => play({ n: 0, seed: new Date(0) })' },
    /^determinism: state\(\) is not plain JSON/,
  ],
  ['a promise', { step: "Promise.resolve({ reward: 0, stop: 'terminated' })" }, /^determinism: .*step gives a promise/],
  [
    'a crash',
    { step: 'n >= 3 ? [].at(9).x : { reward: 0, stop: null }' },
    /^determinism: step\("\w+"\) of episode 0 throws: /,
  ],
  ['an outcome without success', { more: 'outcome: () => ({ won: true }),' }, /^determinism: .*outcome\(\) must give/],
  [
    'a number in a prompt',
    { values: '({ count: n })' },
    /^determinism: .*promptValues\(\) must give texts, but `count` is 0/,
  ],
  ['a wrong picture', { observe: '({ width: 2, height: 2, data: new Uint8Array(6) })' }, /three bytes a pixel/],
  [
    'an illegal expert',
    { parts: "expert: { goodActions: () => ['Fly'], words: () => ({}) }" },
    /^expert: .*"Fly" is not legal/,
  ],
];
for (const [what, parts, message] of UNSOUND)
  test(`the check finds ${what}`, async (t) => {
    const found = await failures(counting(parts));
    t.true(
      found.some((line) => message.test(line)),
      found.join('\n'),
    );
  });

const PAID = {
  environment: { name: '' },
  model: { base: 'models/numberline-tiny' },
  corrector: { teacher: 'openai', openai: { model: 'gpt-4o' } },
};
const CORRECTOR_PROMPT =
  "correctorPrompt: { system: '{questions} {form}', questions: ['Is it right?'], request: '{count} {thought}' }";

test('without an expert a paid teacher judges, and the solver is refused before the run', async (t) => {
  const name = counting({ parts: CORRECTOR_PROMPT, more: 'cut: { reward: -1 },' });
  const config = runConfigSchema.parse({ ...PAID, environment: { name } });
  t.is(findExpert(name), undefined);
  t.notThrows(() => checkTeacher(config));
  const episode = { episode: 0, states: [{}, {}], steps: [{ reward: 0 }], stop: null, bootstrapValue: 0 };
  t.deepEqual(await likelyKept(config, 0, [episode as never], [true]), [{ steps: 1, final: true }]);
  t.true(estimateRun(config, { requestsPerMinute: null, tokensPerMinute: null }).calls.likely > 0);
  const solver = { ...config, corrector: { ...config.corrector, teacher: 'solver' as const } };
  t.throws(() => checkTeacher(solver), { name: 'ConfigError', message: /has no expert, which is needed here/ });
  const skip = { ...config, corrector: { ...config.corrector, ask: 'verified-skip' as const } };
  t.throws(() => checkTeacher(skip), { message: /has no expert/ });
  t.throws(() => checkTeacher({ ...config, environment: { ...config.environment, name: counting({}) } }), {
    message: /has no `correctorPrompt`/,
  });
});

test('in a mixture a game without an expert or a corrector prompt is played, but not corrected', async (t) => {
  const mixed = (more: object, corrector: object = {}) =>
    parseConfig(
      runConfigSchema,
      {
        environments: [
          { name: counting({ more: "name: 'uncorrected'," }), label: 'uncorrected', ...more },
          { name: MAZE, maxEpisodeSteps: 4 },
        ],
        model: { base: 'models/numberline-tiny' },
        corrector: { openai: { model: 'gpt-4o' }, ...corrector },
      },
      'test',
    );
  const paid = { teacher: 'openai' };
  const known = { requestsPerMinute: null, tokensPerMinute: null };
  t.throws(() => checkTeacher(mixed({})), { message: /game-\d+\.mjs has no expert/ });
  t.throws(() => checkTeacher(mixed({}, paid)), { message: /has no `correctorPrompt`/ });
  t.notThrows(() => checkTeacher(mixed({ correct: false })));
  t.notThrows(() => checkTeacher(mixed({ correct: false }, paid)));
  const all = estimateRun(mixed({ name: MAZE, label: 'maze-again', maxEpisodeSteps: 4 }, paid), known).calls.likely;
  const half = estimateRun(mixed({ correct: false }, paid), known);
  t.true(half.calls.likely > 0 && half.calls.likely < all, `${half.calls.likely} of ${all}`);
});

test('the rehearsal server judges the thoughts of a module as its expert does', async (t) => {
  await rehearse([MAZE], [], async () => {
    const config = runConfigSchema.parse({ ...PAID, environment: { name: MAZE } });
    const template = loadPromptTemplate(null, MAZE);
    const teacher = new OpenAITeacher(config, template);
    const [game, expert] = [gameByName(MAZE), expertOf(MAZE)];
    for (let episode = 0; episode < 3; episode++) {
      const environment = game.start({ seed: 3, episode }, {});
      const best = expert.bestPlan(environment, null)!;
      const right = { environment, thought: best.word(template.thought), action: best.action, target: null };
      t.deepEqual((await teacher.judge(right)).verdict, { outcome: 'correct', target: null });
      const wrong = { ...right, thought: { 'i am at': '00', goal: '00', thoughts: 'go nowhere' } };
      t.deepEqual((await teacher.judge(wrong)).verdict, {
        outcome: 'corrected',
        target: null,
        correction: right.thought,
        action: best.action,
      });
    }
  });
});
