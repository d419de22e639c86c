/** FrozenLake and Sokoban, compared with transitions of gymnasium and gym-sokoban (scripts/golden/grid-games.py). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import frozenlake, { outcomesOf } from '../../environments/frozenlake.ts';
import type { Move } from '../../environments/grid.ts';
import { distanceOf, type Sokoban } from '../../environments/sokoban-rules.ts';
import sokoban from '../../environments/sokoban.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { expertOf } from '../../core/corrector/experts.ts';

type Pieces = { at: number; boxes: number[] };
const golden = JSON.parse(readFileSync(path.join(import.meta.dirname, '../golden/grid-games.json'), 'utf8')) as {
  frozenlake: {
    map: string[];
    slippery: boolean;
    successRate: number;
    transitions: Record<string, Record<Move, [probability: number, cell: number, reward: number, over: boolean][]>>;
  }[];
  sokoban: (Pieces & { rows: string[]; moves: [move: Move, reward: number, done: boolean, after: Pieces][] })[];
};

const chances = (outcomes: readonly (readonly [cell: number, chance: number])[]) => {
  const sums = new Map<number, number>();
  for (const [cell, chance] of outcomes) sums.set(cell, (sums.get(cell) ?? 0) + chance);
  return [...sums]
    .filter(([, chance]) => chance > 0)
    .map(([cell, chance]) => [cell, Number(chance.toFixed(12))])
    .sort(([one], [other]) => one - other);
};

test("every move on every cell leads where gymnasium's does, as likely, with its reward and end", (t) => {
  const game = gameByName('frozenlake');
  let compared = 0;
  for (const { map, slippery, successRate, transitions } of golden.frozenlake) {
    const sure = slippery ? successRate : 1;
    for (const [cell, moves] of Object.entries(transitions))
      for (const [move, expected] of Object.entries(moves)) {
        const lake = { map, at: Number(cell), sure, steps: 0, seed: 1, episode: 0 };
        t.deepEqual(
          chances(outcomesOf(lake, move as Move)),
          chances(expected.map(([chance, to]) => [to, chance])),
          `${map.join(' ')}, cell ${cell}, ${move}`,
        );
        const environment = game.fromState(lake, game.parseOptions({ slippery, successRate }));
        const { reward, stop } = environment.step(move);
        const reached = expected.find(([, to]) => to === environment.state().at)!;
        t.deepEqual([reward, stop], [reached[2], reached[3] ? 'terminated' : null]);
        compared++;
      }
  }
  t.is(compared, 3 * 4 * (11 + 53 + 6));
});

test('slips have the right frequency, and are the same in the same episode', (t) => {
  const game = gameByName('frozenlake');
  const options = game.parseOptions({ slippery: true, map: ['SFF', 'FFF', 'FFG'] });
  const reached = Array.from({ length: 600 }, (_, episode) => {
    const [one, other] = [0, 1].map(() => game.start({ seed: 1, episode }, options));
    one.step('right');
    other.step('right');
    t.deepEqual(one.state(), other.state());
    return one.state().at;
  });
  // A third right (1), a third down (3), a third up, which stays (0): 200 each, standard deviation 11.5.
  for (const cell of [0, 1, 3]) t.true(Math.abs(reached.filter((at) => at === cell).length - 200) < 50);
});

test('recorded episodes of gym-sokoban are reproduced: pieces, rewards, ends', (t) => {
  const game = gameByName('sokoban');
  const options = game.parseOptions({ maxSteps: 60 });
  let [pushes, wins] = [0, 0];
  for (const { rows, at, boxes, moves } of golden.sokoban) {
    const environment = game.fromState({ rows, at, boxes, steps: 0, counted: 0 }, options);
    for (const [index, [move, reward, done, after]] of moves.entries()) {
      const before = environment.state().boxes;
      const result = environment.step(move);
      const { at: now, boxes: moved } = environment.state();
      t.deepEqual({ at: now, boxes: moved }, after, `${rows.join(' ')}, move ${index}`);
      t.is(result.reward, reward);
      t.is(result.stop !== null, done);
      pushes += JSON.stringify(before) === JSON.stringify(moved) ? 0 : 1;
      wins += result.stop === 'terminated' ? 1 : 0;
    }
  }
  t.true(pushes > 50 && wins > 5, `${pushes} pushes, ${wins} wins`);
});

test('rooms have solutions, no box on a target at first, and the expert walks the shortest', (t) => {
  const game = gameByName('sokoban');
  const expert = expertOf('sokoban');
  for (const [size, boxes] of [
    [6, 1],
    [8, 3],
  ])
    for (let episode = 0; episode < 5; episode++) {
      const environment = game.start({ seed: 3, episode }, game.parseOptions({ size, boxes }));
      const moves = distanceOf(environment.state() as unknown as Sokoban);
      t.true(moves > 0 && moves < Infinity);
      for (let move = 0; move < moves; move++) environment.step(expert.bestPlan(environment, null)!.action);
      t.is(distanceOf(environment.state() as unknown as Sokoban), 0);
      t.throws(() => environment.step('up'), { message: /over/ });
    }
  // A box in a corner: nothing leads to success any more.
  const lost = { rows: ['#####', '#   #', '#  .#', '#   #', '#####'], at: 12, boxes: [6], steps: 0, counted: 0 };
  t.is(expert.bestPlan(game.fromState(lost, game.parseOptions({})), null), null);
});

test('states are read back from pictures, for rehearsals', (t) => {
  for (const [name, module, options] of [
    ['frozenlake', frozenlake, { size: 5 }],
    ['sokoban', sokoban, { size: 7, boxes: 2 }],
  ] as const) {
    const game = gameByName(name);
    for (const size of [64, 96, 300])
      for (let episode = 0; episode < 10; episode++) {
        const environment = game.start({ seed: 1, episode }, game.parseOptions(options));
        const { seed: _, episode: __, ...state } = environment.state() as Record<string, unknown>;
        t.like(module.readState(environment.observe(size)), state);
      }
    t.is(module.readState({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) }), null);
  }
});
