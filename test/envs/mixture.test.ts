/** Several games in one run: which one an episode is, what its states say, and that each is played by its own rules. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { modelFolder } from '../../configs/project-folder.ts';
import { ownConfig, trainingDeals } from '../../configs/mixture.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { configuredPart } from '../../activities/evaluate-policy.ts';
import { rolloutSettings } from '../../activities/roll-out-wave.ts';
import { judgeEpisode, NOT_JUDGED_YET } from '../../core/corrector/judge-episode.ts';
import type { Environment, JsonState } from '../../core/envs/env.ts';
import { byEnvironment, environmentOf, ownEpisode } from '../../core/envs/mixture.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { gameOf, trainingGame } from '../../core/envs/with-history.ts';
import type { AgentResponse } from '../../core/policy/agent.ts';
import { openWordings } from '../../core/policy/agent-parts.ts';
import { observationIn } from '../../core/policy/observation.ts';
import { playEpisodes, type Player } from '../../core/policy/rollout.ts';

const ENVIRONMENTS = [
  { name: 'frozenlake', share: 3, maxEpisodeSteps: 3, prompt: 'frozenlake-tiny' },
  { name: 'numberline', maxEpisodeSteps: 5, prompt: 'numberline-tiny' },
];
const config = (environments: object[] = ENVIRONMENTS, changes: object = {}): RunConfig =>
  parseConfig(
    runConfigSchema,
    {
      environments,
      model: { base: 'models/frozenlake-tiny', imageSize: 64 },
      evaluation: { episodes: 40 },
      ...changes,
    },
    'test',
  );
const KEY = { seed: 3, iteration: 0, firstEpisode: 0 };
const json = (state: JsonState): JsonState => JSON.parse(JSON.stringify(state));

test('episodes are drawn by the shares, from their own numbers; a deal is the one that its game alone gives', (t) => {
  const { game, options } = trainingGame(config());
  const counts = [0, 0];
  for (let episode = 0; episode < 4000; episode++) {
    const start = game.start({ seed: 7, episode }, options);
    const index = environmentOf(start.state());
    counts[index]++;
    if (episode >= 20) continue;
    const alone = gameByName(ENVIRONMENTS[index].name);
    const { '(environment)': _, ...own } = start.state();
    t.deepEqual(own, alone.start({ seed: 7, episode }, alone.parseOptions({})).state());
    t.is(start.name, ENVIRONMENTS[index].name);
    t.is(environmentOf(game.start({ seed: 7, episode }, options).state()), index);
  }
  // 3 of 4, within five standard deviations of 4000 draws: sqrt(4000 * 0.75 * 0.25) = 27
  t.true(Math.abs(counts[0] - 3000) < 5 * 27, String(counts));
});

test('without a share in the curriculum an environment is not played', (t) => {
  const staged = config(ENVIRONMENTS, { rollout: { curriculum: {} } });
  t.deepEqual(trainingDeals(staged), {
    members: [
      { options: {}, share: 3 },
      { options: {}, share: 0 },
    ],
  });
  const { game, options } = trainingGame(staged);
  for (let episode = 0; episode < 50; episode++)
    t.is(environmentOf(game.start({ seed: 7, episode }, options).state()), 0);
});

for (const history of ['none', 'text'])
  test(`a state goes on as its episode would, with history ${history}`, (t) => {
    const { game, options } = trainingGame(config(ENVIRONMENTS, { prompt: { history } }));
    for (let episode = 0; episode < 6; episode++) {
      const environment = game.start({ seed: 1, episode }, options);
      const step = (one: Environment) => one.step(one.legalActions()[0], false, 'an answer');
      step(environment);
      const again = game.fromState(json(environment.state()), options);
      t.deepEqual(again.past?.().length, history === 'none' ? undefined : 1);
      t.deepEqual(step(again), step(environment));
      t.deepEqual(again.state(), environment.state());
      t.deepEqual(again.observe(32).data, environment.observe(32).data);
      t.deepEqual(again.promptValues(), environment.promptValues());
    }
  });

/** Walks back and forth; answers in words that only one of the games knows. */
const player: Player = {
  imageSize: 32,
  respond: async (requests) =>
    requests.map(({ member, key }): AgentResponse => ({
      responseIds: [1],
      text: '',
      thoughtTokens: 0,
      thought: null,
      logprob: 0,
      value: 0,
      sampledBy: 'test',
      actionText: member === 0 ? (key.step % 2 === 0 ? '"left"' : '"up"') : key.step % 2 === 0 ? '"+"' : '"-"',
    })),
  values: async (observations) => observations.map(({ member }) => 10 + member!),
};

test('a wave plays all of them together: own actions, own step limits, own bootstrapping', async (t) => {
  const both = config();
  const { game, options } = trainingGame(both);
  const rounds: number[] = [];
  const { episodes } = await playEpisodes(
    player,
    game,
    options,
    KEY,
    { ...rolloutSettings(both), episodes: 24, leaveAfterFailure: false },
    { onRound: async ({ round }) => void rounds.push(round) },
  );
  t.is(Math.max(...rounds), 5);
  const open = episodes.filter(({ stop }) => stop === null);
  t.is(new Set(open.map(({ states }) => environmentOf(states[0]))).size, 2);
  for (const { states, steps, bootstrapValue } of open) {
    const index = environmentOf(states[0]);
    t.is(steps.length, ENVIRONMENTS[index].maxEpisodeSteps);
    t.is(bootstrapValue, 10 + index);
  }
  for (const { states, steps } of episodes) {
    t.true(steps.every(({ legal }) => legal));
    t.is(new Set(states.map(environmentOf)).size, 1);
  }

  const part = configuredPart(both, trainingDeals(both), episodes);
  t.deepEqual(Object.keys(part.byEnvironment!), ['frozenlake', 'numberline']);
  t.deepEqual(
    Object.entries(part.groups).map(([label, { episodes: count }]) => [label, count]),
    ['frozenlake', 'numberline'].map((label) => [label, part.byEnvironment![label].episodes]),
  );
  const own = episodes.filter(({ states }) => environmentOf(states[0]) === 1);
  const alone = ownConfig(both, 1);
  t.deepEqual(
    part.byEnvironment!.numberline,
    configuredPart(
      alone,
      trainingDeals(alone),
      own.map((episode) => ownEpisode(both, episode).episode),
    ),
  );

  const again = await playEpisodes(player, game, options, KEY, {
    ...rolloutSettings(both),
    episodes: 24,
    leaveAfterFailure: false,
  });
  t.deepEqual(again.episodes, episodes);
});

test('the agent is asked in the wording of the environment that the observation is of', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-mixture-'));
  const file = path.join(folder, 'other.json');
  const thought = { player: '{at}', holes: '{holes}', thoughts: 'go {next}' };
  writeFileSync(
    file,
    JSON.stringify({
      environment: 'frozenlake',
      prompt: '<image>up',
      chat: false,
      keys: ['player', 'holes', 'thoughts', 'action'],
      thought,
    }),
  );
  const lake = { name: 'frozenlake', prompt: 'frozenlake-tiny' };
  const two = config([lake, { ...lake, label: 'worded-otherwise', prompt: file }]);
  const wordings = openWordings(two, modelFolder);
  const { game, options } = trainingGame(two);
  const asked = Array.from({ length: 8 }, (_, episode) => {
    const { member, promptValues, image } = observationIn(game.start({ seed: 1, episode }, options), 64);
    const { prompts, preprocess, tokenizer } = wordings[member!];
    return {
      member,
      text: tokenizer.decode(prompts.compose({ promptValues }, [preprocess(image)]).promptIds.slice(-1)),
    };
  });
  t.is(new Set(asked.map(({ member }) => member)).size, 2);
  for (const { member, text } of asked) t.is(text, member === 0 ? '_' : 'up');
});

test('thoughts are judged in states of their own game, and not where an environment is not corrected', async (t) => {
  const both = config([ENVIRONMENTS[0], { ...ENVIRONMENTS[1], correct: false }]);
  const { game, options } = trainingGame(both);
  const { episodes } = await playEpisodes(player, game, options, KEY, { ...rolloutSettings(both), episodes: 12 });
  const judged: string[] = [];
  for (const episode of episodes) {
    const thinking = { ...episode, steps: episode.steps.map((step) => ({ ...step, thought: { thoughts: 'go up' } })) };
    await judgeEpisode(both, 0, thinking, NOT_JUDGED_YET, async ({ environment }) => {
      judged.push(environment.name);
      t.false('(environment)' in environment.state());
      return { verdict: { outcome: 'correct', target: null }, source: { by: 'solver' } };
    });
  }
  t.deepEqual(new Set(judged), new Set(['frozenlake']));
});

test('something of each environment is made once, of that environment alone', (t) => {
  const made: string[] = [];
  const nameOf = byEnvironment(config(), ({ environment, environments }) => {
    made.push(environment.name);
    t.is(environments, undefined);
    return environment.name;
  });
  const { game, options } = trainingGame(config());
  for (let episode = 0; episode < 12; episode++) {
    const environment = game.start({ seed: 2, episode }, options);
    t.is(nameOf(environment.state()), environment.name);
  }
  t.deepEqual(made.toSorted(), ['frozenlake', 'numberline']);
  t.is(gameOf(config()).name, 'frozenlake+numberline');
});
