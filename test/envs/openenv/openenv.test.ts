/** Games behind OpenEnv servers: played, lost and played again, full, different, and what they may not send. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { parseConfig, runConfigSchema } from '../../../configs/schema.ts';
import { checkEnvironment } from '../../../core/corrector/conformance-environment.ts';
import type { JsonState } from '../../../core/envs/env.ts';
import { pictureOf, textsOf } from '../../../core/envs/openenv/observation.ts';
import { ServerPool } from '../../../core/envs/openenv/server-pool.ts';
import { play } from '../../../core/envs/play.ts';
import { environmentOf, ownEpisode } from '../../../core/envs/mixture.ts';
import { gameByName } from '../../../core/envs/registry.ts';
import { trainingGame } from '../../../core/envs/with-history.ts';
import { encodePng } from '../../../core/pictures/png.ts';
import { interruptionCounts } from '../../../core/learner/interruption-counts.ts';
import { loadPromptTemplate } from '../../../core/policy/prompt-template.ts';
import { playEpisodes, type Player, type RolloutProgress } from '../../../core/policy/rollout.ts';
import { startGameServer } from './game-server.ts';

const game = gameByName('openenv');
const options = (url: string | string[], more: object = {}) =>
  game.parseOptions({ url, actions: ['one', 'two'], patienceSeconds: 20, ...more });

async function serve(t: ExecutionContext, settings: Parameters<typeof startGameServer>[0] = {}) {
  const server = await startGameServer(settings);
  t.teardown(() => server.stop());
  return server;
}

/** Waits until everything that was opened is closed; a leaked session fails the test by its timeout. */
async function untilAllClosed(...servers: { sessions(): number }[]): Promise<void> {
  while (servers.some((server) => server.sessions() > 0)) await sleep(20);
}

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

test('one server, several servers and lost connections give the same episodes', async (t) => {
  const [sound, other, lossy] = [await serve(t), await serve(t), await serve(t, { dropEvery: 4 })];
  const play = async (url: string | string[]) =>
    (await playEpisodes(player, game, options(url), PLACE, SETTINGS)).episodes;
  const plain = await play(sound.url);
  t.true(plain.every(({ stop, steps }) => stop === 'terminated' && steps.at(-1)!.reward === 1));
  t.true(new Set(plain.map(({ states }) => (states[0] as any).last.start)).size > 1);
  t.deepEqual(await play([sound.url, other.url]), plain);
  t.deepEqual(await play([lossy.url, sound.url]), plain);
  await untilAllClosed(sound, other, lossy);
});

test('a wave continues from its progress in new sessions', async (t) => {
  const server = await serve(t);
  const seen: RolloutProgress[] = [];
  const whole = await playEpisodes(player, game, options(server.url), PLACE, SETTINGS, {
    onRound: async (progress) => void seen.push(structuredClone(progress)),
  });
  const resumed = await playEpisodes(player, game, options(server.url), PLACE, SETTINGS, { resume: seen[1] });
  t.deepEqual(resumed.episodes, whole.episodes);
});

test('in a mixture, games of servers are played beside one of this process, as each alone, and resumed', async (t) => {
  const [first, lossy, second] = [
    await serve(t),
    await serve(t, { shift: 10, dropEvery: 5 }),
    await serve(t, { shift: 10 }),
  ];
  const served = (label: string, ...url: string[]) => ({
    label,
    name: 'openenv',
    options: { url, actions: ['one', 'two'], patienceSeconds: 20 },
    maxEpisodeSteps: 8,
  });
  const config = parseConfig(
    runConfigSchema,
    {
      environments: [
        served('first', first.url),
        { name: 'numberline', maxEpisodeSteps: 3 },
        served('second', lossy.url, second.url),
      ],
      model: { base: 'x' },
    },
    'test',
  );
  const mixed = trainingGame(config);
  const settings = { ...SETTINGS, episodes: 12 };
  const rounds: RolloutProgress[] = [];
  const { episodes } = await playEpisodes(player, mixed.game, mixed.options, PLACE, settings, {
    onRound: async (progress) => void rounds.push(structuredClone(progress)),
  });
  const alone = await playEpisodes(player, game, options(first.url), PLACE, settings);
  const played = [0, 0, 0];
  for (const { states, steps, stop } of episodes) {
    const index = environmentOf(states[0]);
    played[index]++;
    if (index === 1) t.true(steps.length <= 3 && steps.every(({ legal }) => !legal)); // it has no "one" and "two"
    else t.is(stop, 'terminated');
  }
  t.true(
    played.every((count) => count > 0),
    String(played),
  );
  for (const episode of episodes.filter(({ states }) => environmentOf(states[0]) === 0))
    t.deepEqual(
      ownEpisode(config, episode).episode,
      alone.episodes.find((one) => one.episode === episode.episode),
    );
  const again = await playEpisodes(player, mixed.game, mixed.options, PLACE, settings, { resume: rounds[1] });
  t.deepEqual(again.episodes, episodes);
  await untilAllClosed(first, lossy, second);
});

test('a server that answers differently is named; the episode is restarted if configured', async (t) => {
  const [one, different] = [await serve(t), await serve(t, { shift: 1 })];
  const environment = await game.remote!.start({ seed: 1, episode: 0 }, options(one.url));
  await environment.step('one');
  const state = environment.state();
  environment.close();
  await t.throwsAsync(game.remote!.resume(state, options(different.url)), {
    name: 'EnvironmentError',
    message: new RegExp(`${different.url} answered differently .* after 0 of 1 actions`),
  });
  const anew = await game.remote!.resume(state, options(different.url, { onDivergence: 'restart' }));
  t.deepEqual([anew.interrupted(), anew.interrupted()], ['restarted', null]);
  const now: JsonState = anew.state();
  t.like(now, { actions: [], last: { count: 1 } });
  anew.close();
});

test('an episode that cannot be replayed is dropped and counted', async (t) => {
  const server = await serve(t);
  const [one] = [await serve(t, { shift: 1 })];
  const seen: RolloutProgress[] = [];
  const play = (url: string, more: object) =>
    playEpisodes(player, game, options(url, { onDivergence: 'drop' }), PLACE, SETTINGS, more);
  await play(server.url, { onRound: async (progress: RolloutProgress) => void seen.push(structuredClone(progress)) });
  // One of the episodes was seen on the other server, and cannot be played again on this one.
  const progress = structuredClone(seen[0]);
  const wrong = progress.episodes[2].states as { seen: string[] }[];
  wrong.at(-1)!.seen[0] = 'another';
  const { episodes, closed } = await play(server.url, { resume: structuredClone(progress) });
  t.deepEqual([episodes.map(({ episode }) => episode), closed.length], [[0, 1, 3, 4, 5], 5]);
  t.deepEqual(interruptionCounts(episodes, SETTINGS.episodes), { restarted: 0, dropped: 1 });
  await t.throwsAsync(play(one.url, { resume: structuredClone(seen[0]) }), {
    name: 'EnvironmentError',
    message: /All 6 episodes of a wave were dropped/,
  });
  const anew = await playEpisodes(player, game, options(server.url, { onDivergence: 'restart' }), PLACE, SETTINGS, {
    resume: structuredClone(progress),
  });
  t.deepEqual(interruptionCounts(anew.episodes, SETTINGS.episodes), { restarted: 1, dropped: 0 });
  await untilAllClosed(server, one);
});

test('plain requests play the same episodes, on servers that keep games by their name', async (t) => {
  const [server, forgetful] = [await serve(t), await serve(t, { keeps: false })];
  const play = async (more: object) =>
    (await playEpisodes(player, game, options(server.url, more), PLACE, SETTINGS)).episodes;
  t.deepEqual(await play({ transport: 'http' }), await play({}));
  const environment = await game.remote!.start(
    { seed: 1, episode: 0 },
    options(forgetful.url, { transport: 'http', patienceSeconds: 1 }),
  );
  await t.throwsAsync(environment.step('one'), { name: 'EnvironmentError', message: /keeps no game between plain/ });
  const full = await serve(t, { sessions: 0 });
  await t.throwsAsync(
    game.remote!.start({ seed: 1, episode: 0 }, options(full.url, { transport: 'http', patienceSeconds: 0 })),
    { name: 'EnvironmentError', message: /answered 503 .*start more servers/ },
  );
});

test("the server's state is kept and compared, and its own schema holds", async (t) => {
  const server = await serve(t);
  const environment = await game.remote!.start({ seed: 1, episode: 0 }, options(server.url, { state: true }));
  await environment.step('two');
  t.like(environment.state(), { server: { secret: 20, step_count: 1 } });
  t.like(environment.promptValues(), { state_secret: '20', count: '2' });
  const again = await game.remote!.resume(environment.state(), options(server.url, { state: true }));
  t.deepEqual(again.state(), environment.state());
  environment.close();
  again.close();
  const check = async (more: object) => await game.check!(options(server.url, more));
  t.deepEqual(await check({}), { notes: [`${server.url}: reachable, with a schema`], faults: [] });
  t.regex((await check({ actions: ['one', 'three'] })).faults.join(), /options.actions: .* does not take "three"/);
  t.regex((await check({ picture: 'screen' })).faults.join(), /no field "screen"; they have count, start/);
  const odd = await serve(t, { shift: 0.5 });
  await t.throwsAsync(game.remote!.start({ seed: 1, episode: 0 }, options(odd.url)), {
    name: 'EnvironmentError',
    message: /not match its own schema \(count: /,
  });
  server.stop();
  t.regex((await game.check!(options('http://127.0.0.1:9'))).faults.join(), /cannot be reached; start it/);
});

test('any text is an action if the options say so', (t) => {
  const free = options('http://x', { freeText: true });
  t.is(game.readAction('"open the door"', ['one', 'two'], free), 'open the door');
  t.is(game.readAction('"open the door"', ['one', 'two'], options('http://x')), null);
});

test('input from servers is bounded', async (t) => {
  const observation = (shown: object) => JSON.stringify({ type: 'observation', data: { observation: shown } });
  for (const [answer, message] of [
    ['{"type":"observation","data":{"observation":7}}', /an answer that is not OpenEnv's/],
    ['nothing', /not JSON/],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /brackets more than 32 deep/],
    [observation({ count: 1, start: 'x'.repeat(5_000_000) }), /message of \d+ characters/],
    [observation({ count: 1, start: 1, more: 1 }), /not match its own schema/],
    ['{"type":"observation","data":{"observation":{"count":1,"start":1},"reward":NaN}}', /not JSON/],
    ['{"type":"observation","data":{"observation":{"count":1,"start":1},"reward":1e999}}', /reward: Invalid input/],
    ['{"type":"observation","data":{"observation":{"count":1,"start":1},"reward":"1"}}', /reward: Invalid input/],
    [JSON.stringify({ type: 'state', data: {} }), /answered with "state" instead of "observation"/],
  ] as const) {
    const server = await serve(t, { answer });
    await t.throwsAsync(game.remote!.start({ seed: 1, episode: 0 }, options(server.url)), {
      name: 'EnvironmentError',
      message,
    });
  }
});

test('a message that nobody asked for is not taken for an answer', async (t) => {
  const server = await serve(t, { echoes: true });
  const environment = await game.remote!.start({ seed: 1, episode: 0 }, options(server.url));
  const steps = async () => {
    for (;;) {
      await sleep(300); // the second message arrives
      await environment.step('one');
    }
  };
  await t.throwsAsync(steps, { name: 'EnvironmentError', message: /sent a message that nobody asked for/ });
  environment.close();
});

test('sessions go to the server with the fewest, and skip resting ones', (t) => {
  const pool = new ServerPool(['a', 'b']);
  t.deepEqual([pool.take(), pool.take(), pool.take()], ['a', 'b', 'a']);
  pool.giveBack('a');
  pool.giveBack('a');
  pool.rest('a', 60_000);
  t.true(pool.hasOther);
  t.deepEqual([pool.take(), pool.take()], ['b', 'b']);
  pool.rest('b', 120_000);
  t.false(pool.hasOther);
  t.is(pool.take(), 'a');
});

test('the contract is checked on a server, and the game is played in the terminal', async (t) => {
  const server = await serve(t);
  const template = path.join(mkdtempSync(path.join(tmpdir(), 'gtr-')), 'prompt.json');
  writeFileSync(
    template,
    JSON.stringify({
      environment: 'openenv',
      prompt: '<image>{count}',
      keys: ['a', 'action'],
      thought: { a: '{next}' },
    }),
  );
  const checks = await Array.fromAsync(
    checkEnvironment('openenv', {
      options: { url: server.url, actions: ['one', 'two'] },
      prompt: template,
      maxEpisodeSteps: 5,
      imageSize: 8,
      tokenizer: null,
    }),
  );
  t.deepEqual(
    checks.filter(({ passed }) => !passed),
    [],
  );
  const output = new PassThrough();
  await play('openenv', {
    seed: 1,
    options: { url: server.url, actions: ['one', 'two'] },
    folder: path.dirname(template),
    input: Readable.from(['two\ntwo\none\n']),
    output,
  });
  t.regex(String(output.read()), /count: 0.*reward 0.*count: 2.*reward 1.*is terminated; total reward 1/s);
  await untilAllClosed(server);
});

test('a full server is waited for, then named; so is an unreachable one', async (t) => {
  const server = await serve(t, { sessions: 1 });
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
  t.deepEqual(textsOf({ a: 'x', n: 2, p: 'png', deep: {} }, 'p'), { text: 'a: x\nn: 2', a: 'x', n: '2' });
  t.is(textsOf({ a: 'x'.repeat(9000) }, null).a.length, 8000);
  t.is(loadPromptTemplate(null, 'openenv').keys.at(-1), 'action');
  t.throws(() => options('ftp://x'), { name: 'ConfigError', message: /environment.options \(openenv\): url/ });
});
