/** Prompts with a past: in words, or as the conversation with its pictures; trained as sampled. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { conversationRows } from '../../scripts/golden/conversation.ts';
import { readConfig } from '../../cli/config-file.ts';
import { modelFolder } from '../../configs/project-folder.ts';
import { parseConfig, type RunConfig, runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';
import { makeDemonstrations } from '../../core/corrector/demonstrations.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { gameOf } from '../../core/envs/with-history.ts';
import { Agent } from '../../core/policy/agent.ts';
import { openWording, openWordings } from '../../core/policy/agent-parts.ts';
import { applyChatTemplate } from '../../core/policy/chat-template.ts';
import { observationIn } from '../../core/policy/observation.ts';
import { writeNewCheckpoint } from '../../core/policy/new-checkpoint.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { parseResponse } from '../../core/policy/response.ts';
import { playEpisodes, type RolloutProgress } from '../../core/policy/rollout.ts';

const SETTINGS = {
  episodes: 4,
  maxEpisodeSteps: 4,
  temperature: 1,
  thoughtCoef: 0.5,
  keepTokenLogprobs: true,
  leaveAfterFailure: false,
};
const KEY = { seed: 3, iteration: 0, firstEpisode: 0 };
const configOf = (...changes: string[]) => readConfig(runConfigSchema, 'frozenlake-tiny', changes);

async function played(config: RunConfig, resume?: RolloutProgress) {
  const agent = await Agent.open(config, modelFolder);
  try {
    await agent.setPolicy(agent.engine.initialParameters(1), 'the starting policy');
    const game = gameOf(config);
    const options = game.parseOptions(config.environment.options);
    const rounds: RolloutProgress[] = [];
    const { episodes } = await playEpisodes(
      agent,
      game,
      options,
      KEY,
      { ...config.rollout, ...SETTINGS, groupSize: 1 },
      { resume, onRound: async (progress) => void rounds.push(structuredClone(progress)) },
    );
    // As the update makes its rows: from the stored states alone.
    const steps = episodes.flatMap((episode) =>
      episode.steps.map((step, t) => ({
        step,
        ...agent.prompt(observationIn(game.fromState(JSON.parse(JSON.stringify(episode.states[t])), options), 64)),
      })),
    );
    const { logprobs, values } = await agent.engine.score({
      rows: steps.map(({ step, promptIds }, image) => ({ image, promptIds, responseIds: step.responseIds })),
      pictures: steps.map(({ picture }) => picture),
      temperature: SETTINGS.temperature,
    });
    return { episodes, rounds, steps, logprobs, values };
  } finally {
    await agent.close();
  }
}

test('demonstrations tell the past as a rollout would: what was answered before, in either kind of game', async (t) => {
  const taught = (name: string, prompt: object) =>
    makeDemonstrations(
      parseConfig(
        sftConfigSchema,
        {
          environment: { name },
          model: { base: `models/${name}-tiny`, prompt: `${name}-tiny` },
          prompt,
          demonstrations: { count: 60, walk: { planned: 0.5, longest: 5 } },
        },
        'test',
      ),
    );
  for (const name of ['frozenlake', 'ezpoints']) {
    const { keys } = loadPromptTemplate(`${name}-tiny`, name);
    const told = await taught(name, { history: 'text', steps: 2 });
    const plain = await taught(name, {});
    t.deepEqual(
      told.map(({ text }) => text),
      plain.map(({ text }) => text),
    );
    const pasts = told.map(({ state }) => (state['(past)'] ?? []) as { answer: string; action: string }[]);
    t.deepEqual([...new Set(pasts.map(({ length }) => length))].toSorted(), [0, 1, 2]);
    for (const { answer, action } of pasts.flat()) {
      const { thought, actionText } = parseResponse(answer, keys, true);
      t.truthy(thought, answer);
      t.true(actionText!.includes(action), answer);
    }
    const { '(past)': _, ...own } = told.at(-1)!.state;
    t.deepEqual(own, plain.at(-1)!.state);
  }
});

for (const history of ['text', 'concat'])
  test.serial(`${history}: what was sampled is found again by scoring, step by step, and after a crash`, async (t) => {
    const config = configOf(`prompt.history=${history}`, 'prompt.steps=2');
    const { episodes, rounds, steps, logprobs, values } = await played(config);
    t.true(episodes.some((episode) => episode.steps.length === 4));
    for (const [index, { step }] of steps.entries()) {
      t.true(Math.abs(values[index] - step.value) < 1e-4, `value of step ${index}`);
      for (const [token, logprob] of step.tokenLogprobs!.entries())
        t.true(Math.abs(logprobs[index][token] - logprob) < 1e-4, `token ${token} of step ${index}`);
    }
    const pictures = steps.map(({ picture }) => picture.grid[0]);
    t.is(Math.max(...pictures), history === 'concat' ? 3 : 1);
    const [first, second, , fourth] = episodes.find((episode) => episode.steps.length === 4)!.states as Record<
      string,
      any
    >[];
    t.is(first['(past)'], undefined);
    t.is(second['(past)'][0].answer, episodes.find((episode) => episode.steps.length === 4)!.steps[0].text);
    t.is(fourth['(past)'].length, 2);
    const again = await played(config, rounds[1]);
    t.deepEqual(again.episodes, episodes);
  });

for (const family of ['qwen2_5-vl', 'qwen3-vl', 'smolvlm'])
  test(`${family}: a conversation with its pictures is refused in one sentence; words are not`, async (t) => {
    const { model, environment, seed } = readConfig(sftConfigSchema, `sft-numberline-${family}`, []);
    const base = await writeNewCheckpoint(mkdtempSync(path.join(tmpdir(), 'gtr-history-')), model, seed);
    const open = (history: 'text' | 'concat') =>
      openWordings(
        { model: { base, prompt: model.prompt }, environment, prompt: { history, steps: 2 } },
        (name) => name,
      );
    t.notThrows(() => open('text'));
    t.throws(() => open('concat'), {
      name: 'ConfigError',
      message:
        /^prompt\.history: .* is of the family \w+, whose prompts can hold only one picture here; use "text", or a LLaVA/,
    });
  });

test('without a history prompts are as they were', (t) => {
  const wording = (changes: string[]) => openWording(configOf(...changes), modelFolder).prompts;
  const environment = gameByName('frozenlake').start(
    { seed: 1, episode: 0 },
    gameByName('frozenlake').parseOptions({}),
  );
  const picture = { pixels: new Float32Array(3 * 64 * 64), grid: [1, 1] as const };
  const past = [{ observe: environment.observe, promptValues: {}, answer: '{"player":"00"}', action: 'down' }];
  const prompt = (changes: string[], told: typeof past) =>
    wording(changes).compose({ promptValues: {}, past: told }, [...told.map(() => picture), picture]).promptIds;
  const plain = prompt([], []);
  t.deepEqual(prompt([], past), plain);
  t.deepEqual(prompt(['prompt.history=concat'], []), plain);
  const spoken = prompt(['prompt.history=concat'], past);
  t.deepEqual(spoken.slice(-plain.length + 1), plain.slice(1)); // the begin id stands but once
  t.is(spoken.filter((id) => id === plain[1]).length, 2 * plain.filter((id) => id === plain[1]).length);
});

test('the oldest steps are left out where positions run short, and answers cannot bring special tokens', (t) => {
  const config = configOf('prompt.history=concat', 'prompt.steps=50', 'rollout.maxNewTokens=20');
  const { prompts, config: model } = openWording(config, modelFolder);
  const picture = { pixels: new Float32Array(3 * 64 * 64), grid: [1, 1] as const };
  const answer = '{"player":"00","holes":"none","thoughts":"go up","action":"up"}<image></s>';
  const past = Array.from({ length: 50 }, () => ({
    observe: () => ({ width: 1, height: 1, data: new Uint8Array(3) }),
    promptValues: {},
    answer,
    action: 'up',
  }));
  const { promptIds, picture: seen } = prompts.compose({ promptValues: {}, past }, [
    ...past.map(() => picture),
    picture,
  ]);
  t.true(promptIds.length + 20 <= model.text.maxPositions);
  t.true(promptIds.length + 20 + 40 > model.text.maxPositions);
  t.is(promptIds.filter((id) => id === model.imageTokenId).length, 16 * seen.grid[0]);
  t.false(promptIds.includes(2));
});

test('a chat template gets the conversation, turn by turn', (t) => {
  const template =
    "{% for m in messages %}{{ m.role }}: {% for c in m.content %}{% if c.type == 'image' %}<image>{% else " +
    '%}{{ c.text }}{% endif %}{% endfor %}|{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';
  t.is(
    applyChatTemplate(template, '<image>\nnow?', { bos_token: '', eos_token: '' }, '<image>', [
      { question: '<image>\nfirst?', answer: 'up' },
    ]),
    'user: <image>\nfirst?|assistant: up|user: <image>\nnow?|assistant:',
  );
});

test.serial('four pictures in a prompt: the log-probs of transformers (scripts/golden/conversation.py)', async (t) => {
  const file = path.join(import.meta.dirname, '../golden/conversation.json');
  const golden = JSON.parse(readFileSync(file, 'utf8')) as {
    promptIds: number[];
    pictures: number;
    logprobs: number[];
  }[];
  const rows = await conversationRows();
  t.deepEqual(
    golden.map(({ pictures }) => pictures),
    [4, 1],
  );
  for (const [index, { promptIds, picture, logprobs }] of rows.entries()) {
    t.deepEqual(promptIds, golden[index].promptIds);
    t.is(picture.grid[0], golden[index].pictures);
    for (const [token, expected] of golden[index].logprobs.entries())
      t.true(Math.abs(logprobs[token] - expected) < 1e-4, `row ${index}, token ${token}: ${logprobs[token]}`);
  }
});
