/** One suite over all environments. */
import test from 'ava';
import { encodePng } from '../../core/pictures/png.ts';
import { BUILT_IN_MODULES } from '../../core/envs/plug-in.ts';
import { GAMES, gameByName } from '../../core/envs/registry.ts';
import { RandomStream } from '../../core/random/counter.ts';

/** Plays a whole episode with random actions; gives what happened. */
function playOut(environment: ReturnType<(typeof GAMES)[number]['start']>, random: RandomStream) {
  const trace: unknown[] = [];
  for (let step = 0; step < 200; step++) {
    const action = random.pick(environment.legalActions());
    const result = environment.step(action);
    trace.push([action, result, environment.state()]);
    if (result.stop !== null) return { trace, stop: result.stop };
  }
  return { trace, stop: null };
}

const actions = () => new RandomStream({ seed: 3, purpose: 'test actions' });

for (const game of [...GAMES, ...BUILT_IN_MODULES.map(gameByName)]) {
  const options = game.parseOptions({});
  const start = (episode: number, seed = 1) => game.start({ seed, episode }, options);

  test(`${game.name}: equal seeds give equal episodes, other seeds and episodes others`, (t) => {
    t.deepEqual(playOut(start(5), actions()), playOut(start(5), actions()));
    const states = Array.from({ length: 20 }, (_, episode) => JSON.stringify(start(episode).state()));
    t.true(new Set(states).size > 5);
    t.notDeepEqual(
      Array.from({ length: 20 }, (_, episode) => start(episode, 2).state()),
      Array.from({ length: 20 }, (_, episode) => start(episode, 1).state()),
    );
  });

  test(`${game.name}: every episode ends for one of the two reasons, and takes no step after its end`, (t) => {
    for (let episode = 0; episode < 30; episode++) {
      const environment = start(episode);
      const { stop } = playOut(environment, new RandomStream({ seed: episode, purpose: 'test actions' }));
      t.true(stop === 'terminated' || stop === 'truncated');
      t.throws(() => environment.step(environment.legalActions()[0]), { message: /over/ });
    }
  });

  test(`${game.name}: a state saved as JSON continues as the environment would`, (t) => {
    const environment = start(7);
    environment.step(environment.legalActions()[1]);
    const copy = game.fromState(JSON.parse(JSON.stringify(environment.state())), options);
    t.deepEqual(copy.promptValues(), environment.promptValues());
    t.deepEqual(copy.observe(64), environment.observe(64));
    t.deepEqual(playOut(copy, actions()), playOut(environment, actions()));
  });

  test(`${game.name}: pictures of any size are drawn, and always the same`, (t) => {
    for (const size of [64, 300]) {
      const { width, height, data } = start(1).observe(size);
      t.deepEqual([width, height, data.length], [size, size, size * size * 3]);
      t.deepEqual(start(1).observe(size).data, data);
    }
    t.is(encodePng(start(1).observe(64)).subarray(1, 4).toString('latin1'), 'PNG');
  });

  test(`${game.name}: reads its own actions back from an answer, and nothing from nonsense`, (t) => {
    const legal = start(1).legalActions();
    for (const action of legal) t.is(game.readAction(` "${action}"}`, legal), action);
    t.is(game.readAction('"what?"', legal), null);
    t.is(game.readAction('', legal), null);
    t.is(game.readAction(`"${legal[0]} ${legal[1]}"`, legal), null);
  });

  test(`${game.name}: unknown actions and options are refused`, (t) => {
    t.throws(() => start(1).step('fly'), { instanceOf: RangeError });
    t.throws(() => game.parseOptions({ nonsense: 1 }), { name: 'ConfigError', message: /unknown key "nonsense"/ });
  });
}

test('an unknown environment is named together with the known ones', (t) => {
  t.throws(() => gameByName('poker'), {
    name: 'ConfigError',
    message: /unknown environment "poker"; known are points24, ezpoints/,
  });
});
