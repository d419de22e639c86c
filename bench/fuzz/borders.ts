/**
 * Every place where foreign JSON, text and files come in, with their allowed results: a value, or a named error.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { PROJECT } from '../../configs/project-folder.ts';
import { parseConfig, runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';
import { failureOf, keptCompletion, readCompletion } from '../../core/corrector/completion.ts';
import { isListKey, loadCorrectorPrompt } from '../../core/corrector/corrector-prompt.ts';
import { answerFormulaTool, FORMULA_TOOL_NAME } from '../../core/corrector/formula-tool.ts';
import { readLlavaDemonstrations } from '../../core/corrector/llava-demonstrations.ts';
import { answerSchema, readAnswer } from '../../core/corrector/model-answer.ts';
import { rateLimitState, retryAfterSeconds } from '../../core/corrector/openai-errors.ts';
import { readText } from '../../core/envs/alfworld/conformance.ts';
import { readTask } from '../../core/envs/alfworld/goal-conditions.ts';
import { checkGameFile, type GameFile, TextGame } from '../../core/envs/alfworld/text-game.ts';
import { readGame } from '../../core/envs/alfworld/data-set.ts';
import { GAMES, gameByName } from '../../core/envs/registry.ts';
import { encodePng } from '../../core/pictures/png.ts';
import { readPicture } from '../../core/pictures/read-picture.ts';
import { applyChatTemplate, readChatTemplate } from '../../core/policy/chat-template.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { readVlmConfig } from '../../core/policy/checkpoint/read-config.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { parseResponse } from '../../core/policy/response.ts';
import { loadTokenizer } from '../../core/policy/tokenizer.ts';
import { completionBodies } from './bodies.ts';
import { spoiledBytes, spoiledJson, spoiledJsonText, spoiledText } from './spoil.ts';

/** `named`: allowed errors; `cross` checks any other result. */
export type Border = {
  name: string;
  value: fc.Arbitrary<unknown>;
  cross: (value: any) => unknown;
  named: readonly string[];
};

const folder = mkdtempSync(path.join(tmpdir(), 'gtr-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => path.join(folder, name);
const json = (file: string) => JSON.parse(readFileSync(path.join(PROJECT, file), 'utf8')) as object;

const RECORDED = path.join(PROJECT, 'test/golden/llava/llama-gqa-bf16');
for (const name of ['config.json', 'model.safetensors', 'adapter_model.safetensors', 'preprocessor_config.json'])
  copyFileSync(path.join(RECORDED, name), at(name));
copyFileSync(path.join(PROJECT, 'models/points24-tiny/tokenizer.json'), at('tokenizer.json'));
const recorded = (name: string) => json(path.join('test/golden/llava/llama-gqa-bf16', name));

/** A file of the folder, spoiled, then restored. */
function spoiledFile(name: string, content: Uint8Array | string, use: () => unknown): unknown {
  const file = at(name);
  const before = readFileSyncOrNull(file);
  writeFileSync(file, content);
  try {
    return use();
  } finally {
    if (before === null) rmSync(file);
    else writeFileSync(file, before);
  }
}
function readFileSyncOrNull(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}

const HOUSEHOLD = path.join(
  PROJECT,
  'test/envs/alfworld/games/look_at_obj_in_light-Laptop-None-DeskLamp-320/trial_T20260211_022003_824647',
);
const household = JSON.parse(readText(path.join(HOUSEHOLD, 'game.tw-pddl'))) as GameFile;
const trajectory = JSON.parse(readFileSync(path.join(HOUSEHOLD, 'traj_data.json'), 'utf8')) as object;

const points24 = gameByName('points24');
const template = loadPromptTemplate('points24-tiny', 'points24');
const prompt = loadCorrectorPrompt('points24', null);
const rules = {
  schema: answerSchema('points24', template.keys, (key) => isListKey(prompt, template, key)),
  game: points24,
  template,
  canSay: () => true,
};
const request = {
  environment: points24.fromState({ cards: ['H4', 'S5', 'D9', 'CK'], formula: ['('] }, points24.parseOptions({})),
  target: null,
};
const answer = {
  answers: ['4 5 9 10', '('],
  evaluation: 'no',
  possible_solution: 'yes',
  target_formula: '(10-4)*(9-5)',
  correction: { cards: ['4', '5', '9', 'K'], formula: '(', thoughts: 'append 10', action: '10' },
};

const demonstration = {
  id: '7',
  image: 'a.png',
  conversations: [
    { from: 'human', value: '<image>1' },
    { from: 'gpt', value: '{"action": "+"}' },
  ],
};
writeFileSync(at('a.png'), encodePng({ width: 2, height: 2, data: new Uint8Array(12) }));
const sine = Uint8Array.from({ length: 300 }, (_, index) => 127 + 120 * Math.sin(index));
const picture = encodePng({ width: 10, height: 10, data: sine });

const CHECKPOINT = ['CheckpointError', 'SafetensorsError'];

export const BORDERS: readonly Border[] = [
  {
    name: "teachers' completions",
    value: completionBodies,
    cross(body) {
      const completion = readCompletion(body);
      if (keptCompletion(JSON.parse(JSON.stringify(completion))) === null) throw new Error('cannot be kept');
      for (const { name, arguments: text } of completion.toolCalls) JSON.parse(answerFormulaTool(name, text, ['(']));
      if (failureOf(completion) === null && completion.content !== null) readAnswer(completion.content, request, rules);
    },
    named: ['TeacherError'],
  },
  {
    name: "teachers' answers",
    value: spoiledJsonText(answer),
    cross(text: string) {
      const result = readAnswer(text, request, rules);
      if (!('outcome' in result) && !('sentence' in result)) throw new Error('neither verdict nor complaint');
    },
    named: [],
  },
  {
    name: 'calls of the tool',
    value: spoiledJsonText({ card1: 4, card2: '5', card3: 9, card4: 'K' }),
    cross: (text: string) => JSON.parse(answerFormulaTool(FORMULA_TOOL_NAME, text, ['('])),
    named: [],
  },
  {
    name: 'what a ledger holds',
    value: spoiledJson({ finish: 'stop', content: 'x', refused: false, toolCalls: [], usage: {} }),
    cross: (kept) => keptCompletion(kept),
    named: [],
  },
  {
    name: 'headers',
    value: fc.dictionary(
      fc.constantFrom('retry-after', 'retry-after-ms', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'),
      fc.oneof(
        fc.stringMatching(/^[\x20-\x7e]*$/),
        fc.nat().map(String),
        fc.constantFrom('0', '1m2.5s', '9'.repeat(400)),
      ),
    ),
    cross(headers: Record<string, string>) {
      const seconds = retryAfterSeconds(new Headers(headers), 0);
      if (seconds !== null && !Number.isFinite(seconds)) throw new Error(`waits ${seconds} seconds`);
      rateLimitState(new Headers(headers));
    },
    named: [],
  },
  {
    name: "agents' answers",
    value: fc.oneof(spoiledJsonText({ thoughts: 'next is 10', action: '10' }), fc.string()),
    cross(text: string) {
      const { actionText } = parseResponse(text, ['thoughts', 'action'], true);
      for (const game of GAMES) game.readAction(actionText ?? text, ['1', '10', '+', 'go to drawer 1', 'stand', '(']);
    },
    named: [],
  },
  {
    name: 'games',
    value: fc.oneof(
      spoiledText(household.pddl_domain).map((pddl_domain) => ({ ...household, pddl_domain })),
      spoiledText(household.grammar).map((grammar) => ({ ...household, grammar })),
      spoiledText(household.pddl_problem).map((pddl_problem) => ({ ...household, pddl_problem })),
    ),
    cross(file: GameFile) {
      checkGameFile(file);
      const play = new TextGame(file).start();
      for (const command of play.commands.slice(0, 2)) play.step(command);
    },
    named: ['AlfworldGameError'],
  },
  {
    name: "games' files",
    value: fc.record({ game: spoiledJsonText({ ...household, grammar: '' }), trajectory: spoiledJsonText(trajectory) }),
    cross({ game, trajectory: text }: { game: string; trajectory: string }) {
      writeFileSync(at('game.tw-pddl'), game);
      writeFileSync(at('traj_data.json'), text);
      const relative = path.relative(path.join(folder, 'json_2.1.1/train'), folder);
      const read = readGame(folder, 'train', relative);
      readTask(JSON.parse(text));
      if (read.annotations.some((each) => typeof each !== 'string')) throw new Error('an annotation is not text');
    },
    named: ['AlfworldGameError'],
  },
  {
    name: "models' config.json",
    value: spoiledJsonText(recorded('config.json')),
    cross: (text: string) => spoiledFile('config.json', text, () => readVlmConfig(folder)),
    named: CHECKPOINT,
  },
  {
    name: 'generation_config.json',
    value: spoiledJsonText(recorded('generation_config.json')),
    cross: (text: string) => spoiledFile('generation_config.json', text, () => readVlmConfig(folder)),
    named: CHECKPOINT,
  },
  {
    name: "models' weights",
    value: spoiledBytes(readFileSync(path.join(RECORDED, 'model.safetensors')).subarray(0, 9056)),
    cross: (bytes: Uint8Array) => spoiledFile('model.safetensors', bytes, () => openCheckpoint(folder)),
    named: CHECKPOINT,
  },
  {
    name: "adapters' settings",
    value: spoiledJsonText(recorded('adapter_config.json')),
    cross: (text: string) => spoiledFile('adapter_config.json', text, () => openCheckpoint(folder, folder)),
    named: CHECKPOINT,
  },
  {
    name: 'preprocessor_config.json',
    value: spoiledJsonText(recorded('preprocessor_config.json')),
    cross: (text: string) =>
      spoiledFile('preprocessor_config.json', text, () => {
        const config = readVlmConfig(folder);
        familyOf(config).loadPreprocessor(folder, config)({ width: 3, height: 2, data: new Uint8Array(18) });
      }),
    named: CHECKPOINT,
  },
  {
    name: 'tokenizer.json',
    value: spoiledJsonText(json('models/points24-tiny/tokenizer.json')),
    cross: (text: string) =>
      spoiledFile('tokenizer.json', text, () => {
        const tokenizer = loadTokenizer(folder);
        tokenizer.splitResponse([...tokenizer.encode('{"action":"1"}'), 2]);
        tokenizer.canSay('4 5');
        tokenizer.specialIn('</s>');
      }),
    named: CHECKPOINT,
  },
  {
    name: 'chat templates',
    value: fc.oneof(
      spoiledJson([{ name: 'default', template: '{{ messages }}' }]),
      spoiledJson({ default: '{{ messages }}', tool_use: 'x' }),
      spoiledText("{% for m in messages %}{{ m['role'] + ': ' }}{{ m['content'] }}{% endfor %}"),
    ),
    cross(chat_template) {
      const found = readChatTemplate(folder, { chat_template });
      if (found !== null) applyChatTemplate(found, '<image>play', { bos_token: '<s>', eos_token: '</s>' });
    },
    named: CHECKPOINT,
  },
  ...(['smoke', 'quickstart'] as const).map((name) => ({
    name: `run configurations (${name})`,
    value: spoiledJson(json(`configs/${name}.json`)),
    cross(content: unknown) {
      const { environment } = parseConfig(runConfigSchema, content, 'fuzz');
      gameByName(environment.name).parseOptions(environment.options);
    },
    named: ['ConfigError'],
  })),
  {
    name: 'sft configurations',
    value: spoiledJson(json('configs/sft-points24-tiny.json')),
    cross: (content: unknown) => parseConfig(sftConfigSchema, content, 'fuzz'),
    named: ['ConfigError'],
  },
  {
    name: 'prompt templates',
    value: spoiledJsonText(json('core/policy/prompts/points24-tiny.json')),
    cross: (text: string) =>
      spoiledFile('template.json', text, () => loadPromptTemplate(at('template.json'), 'points24')),
    named: ['ConfigError'],
  },
  {
    name: 'demonstrations',
    value: spoiledJsonText([demonstration, demonstration]),
    async cross(text: string) {
      writeFileSync(at('data.json'), text);
      await Array.fromAsync(readLlavaDemonstrations(at('data.json'), null));
    },
    named: ['ConfigError'],
  },
  {
    name: 'pictures',
    value: spoiledBytes(picture),
    async cross(bytes: Uint8Array) {
      writeFileSync(at('b.png'), bytes);
      const { width, height, data } = await readPicture(at('b.png'));
      if (data.length !== width * height * 3) throw new Error('pixels are missing');
    },
    named: ['ConfigError'],
  },
];

/**
 * Tries a border this many times. Null: every value was accepted or refused by name; else the failure and how to
 * reproduce it.
 */
export async function fuzz({ value, cross, named }: Border, runs: number, seed: number): Promise<string | null> {
  const outcome = await fc.check(
    fc.asyncProperty(value, async (foreign) => {
      try {
        await cross(foreign);
      } catch (error) {
        const { name, message } = error as Error;
        if (!named.includes(name)) throw error;
        if (message === '') throw new Error(`a ${name} says nothing`, { cause: error });
      }
    }),
    { numRuns: runs, seed, endOnFailure: false },
  );
  return outcome.failed ? `${fc.defaultReportMessage(outcome)!}\n${(outcome.errorInstance as Error).stack}` : null;
}
