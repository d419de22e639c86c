/** Games behind OpenEnv servers: played, lost and played again, full, different, and what they may not send. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { JsonState } from '../../../core/envs/env.ts';
import { pictureOf, textsOf } from '../../../core/envs/openenv/observation.ts';
import { gameByName } from '../../../core/envs/registry.ts';
import { encodePng } from '../../../core/pictures/png.ts';
import { loadPromptTemplate } from '../../../core/policy/prompt-template.ts';
import { playEpisodes, type Player, type RolloutProgress } from '../../../core/policy/rollout.ts';
import { startGameServer } from './game-server.ts';

const game = gameByName('openenv');
const options = (url: string | string[], more: object = {}) =>
  game.parseOptions({ url, actions: ['one', 'two'], patienceSeconds: 20, ...more });

/** Answers by the noise alone. */
const player: Player = {
  imageSize: 8,
  respond: async (requests) =>
    requests.map(({ noise }) => ({
      responseIds: [],
      text: '',
      thoughtTokens: 0,
      thought: null,
      logprob: 0,
      value: 0,
      sampledBy: 'test',
      actionText: noise[0] < 0.5 ? '"one"' : '"two"',
    })),
  values: async (observations) => new Float32Array(observations.length),
};
const SETTINGS = {
  episodes: 6,
  maxEpisodeSteps: 8,
  maxNewTokens: 1,
  temperature: 1,
  repetitionPenalty: 1,
  penalizePrompt: false,
  thoughtCoef: 1,
  leaveAfterFailure: false,
};
const PLACE = { seed: 1, iteration: 0, firstEpisode: 0 };

test('the same episodes come out of one server, of several, and of connections that are lost', async (t) => {
  const [sound, other, lossy] = [
    await startGameServer(),
    await startGameServer(),
    await startGameServer({ dropEvery: 4 }),
  ];
  const play = async (url: string | string[]) =>
    (await playEpisodes(player, game, options(url), PLACE, SETTINGS)).episodes;
  const plain = await play(sound.url);
  t.true(plain.every(({ stop, steps }) => stop === 'terminated' && steps.at(-1)!.reward === 1));
  t.true(new Set(plain.map(({ states }) => (states[0] as any).last.start)).size > 1);
  t.deepEqual(await play([sound.url, other.url]), plain);
  t.deepEqual(await play([lossy.url, sound.url]), plain);
  await sleep(200);
  t.deepEqual([sound.sessions(), other.sessions(), lossy.sessions()], [0, 0, 0]);
  for (const server of [sound, other, lossy]) server.stop();
});

test('a wave goes on from its progress in new sessions', async (t) => {
  const server = await startGameServer();
  const seen: RolloutProgress[] = [];
  const whole = await playEpisodes(player, game, options(server.url), PLACE, SETTINGS, {
    onRound: async (progress) => void seen.push(structuredClone(progress)),
  });
  const resumed = await playEpisodes(player, game, options(server.url), PLACE, SETTINGS, { resume: seen[1] });
  t.deepEqual(resumed.episodes, whole.episodes);
  server.stop();
});

test('a server that answers differently is named; the episode begins anew where that is wanted', async (t) => {
  const [one, different] = [await startGameServer(), await startGameServer({ shift: 1 })];
  const environment = await game.remote!.start({ seed: 1, episode: 0 }, options(one.url));
  await environment.step('one');
  const state = environment.state();
  environment.close();
  await t.throwsAsync(game.remote!.resume(state, options(different.url)), {
    name: 'EnvironmentError',
    message: new RegExp(`${different.url} answered differently .* after 0 of 1 actions`),
  });
  const anew = await game.remote!.resume(state, options(different.url, { onDivergence: 'restart' }));
  t.deepEqual([anew.beganAnew(), anew.beganAnew()], [true, false]);
  const now: JsonState = anew.state();
  t.like(now, { actions: [], restarts: 1, last: { count: 1 } });
  t.is(game.outcome({ start: now, end: now }, 1).group, 'restarted');
  anew.close();
  one.stop();
  different.stop();
});

test('a full server is waited for, then named; one that is away too', async (t) => {
  const server = await startGameServer({ sessions: 1 });
  const first = await game.remote!.start({ seed: 1, episode: 0 }, options(server.url));
  await t.throwsAsync(game.remote!.start({ seed: 1, episode: 1 }, options(server.url, { patienceSeconds: 0.3 })), {
    message: /is full \(no session left\); start more servers .* lower rollout.episodesPerWave/,
  });
  const waiting = game.remote!.start({ seed: 1, episode: 1 }, options(server.url));
  first.close();
  (await waiting).close();
  server.stop();
  await t.throwsAsync(game.remote!.start({ seed: 1, episode: 0 }, options(server.url, { patienceSeconds: 0 })), {
    name: 'ServerAway',
    message: /cannot be reached/,
  });
});

test('pictures and texts of servers are bounded and checked', (t) => {
  const red = { width: 1, height: 1, data: new Uint8Array([255, 0, 0]) };
  t.deepEqual(pictureOf({ p: encodePng(red).toString('base64') }, 'p', 8), red);
  t.deepEqual(pictureOf({ p: [[[255, 0, 0]]] }, 'p', 8), red);
  t.is(pictureOf({}, null, 8).data.length, 192);
  for (const p of [
    'no picture',
    [[[256, 0, 0]]],
    [[[1, 2]]],
    encodePng({ width: 3000, height: 1, data: new Uint8Array(9000) }).toString('base64'),
  ])
    t.throws(() => pictureOf({ p }, 'p', 8), { name: 'EnvironmentError' });
  t.deepEqual(textsOf({ a: 'x<image>', n: 2, p: 'png', deep: {} }, 'p'), { text: 'a: x\nn: 2', a: 'x', n: '2' });
  t.is(textsOf({ a: 'x'.repeat(9000) }, null).a.length, 8000);
  t.is(loadPromptTemplate(null, 'openenv').keys.at(-1), 'action');
  t.throws(() => options('ftp://x'), { name: 'ConfigError', message: /environment.options \(openenv\): url/ });
});
