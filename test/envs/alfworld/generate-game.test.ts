/** Generated games: seeded, solvable, split; and the expert that solves them and the recorded ones. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import test from 'ava';
import { readText } from '../../../core/envs/alfworld/conformance.ts';
import { advise } from '../../../core/envs/alfworld/expert.ts';
import { ALL_GAMES, generateGame, SPLITS, type Split } from '../../../core/envs/alfworld/generate-game.ts';
import { readTask, TASK_TYPES } from '../../../core/envs/alfworld/goal-conditions.ts';
import { FIRST_SCENE } from '../../../core/envs/alfworld/kinds.ts';
import type { TextGamePlay } from '../../../core/envs/alfworld/text-game-play.ts';
import { TextGame } from '../../../core/envs/alfworld/text-game.ts';
import { RandomStream } from '../../../core/random/counter.ts';

/** Gives all commands; each must be admissible in its turn. */
function follow(play: TextGamePlay, commands: readonly string[]): boolean {
  return commands.every((command) => {
    const admissible = play.commands.includes(command);
    play.step(command);
    return admissible;
  });
}

const many = (split: Split, count = 25) =>
  Array.from({ length: count }, (_, episode) => generateGame({ seed: 1, episode, split }));

test('every generated game has its goal ahead and is won by its walkthrough', (t) => {
  for (const split of SPLITS) {
    for (const { name, file, game } of many(split)) {
      const play = game.start();
      t.false(play.won, name);
      t.true(follow(play, file.walkthrough!), name);
      t.true(play.won, name);
    }
  }
});

test('all six task types are drawn, and only the wanted ones on request', (t) => {
  t.deepEqual([...new Set(many('train', 60).map(({ task }) => task.type))].sort(), [...TASK_TYPES].sort());
  for (const type of TASK_TYPES)
    t.is(
      generateGame({ seed: 2, episode: 0, split: 'train', rules: { ...ALL_GAMES, taskTypes: [type] } }).task.type,
      type,
    );
});

test('equal places give equal games, others differ', (t) => {
  const game = (seed: number, episode: number) => generateGame({ seed, episode, split: 'train' }).file;
  t.deepEqual(game(3, 4), game(3, 4));
  t.notDeepEqual(game(3, 4), game(3, 5));
  t.notDeepEqual(game(3, 4), game(4, 4));
});

test('unseen rooms are new; seen rooms are those of train, with other tasks', (t) => {
  const [train, seen, unseen] = SPLITS.map((split) => many(split, 150));
  const names = new Set(train.map(({ name }) => name));
  t.deepEqual(
    seen.filter(({ name }) => names.has(name)),
    [],
  );
  const isLate = (scene: number): boolean =>
    scene - Math.max(...Object.values(FIRST_SCENE).filter((first) => first <= scene)) >= 24;
  t.false([...train, ...seen].some(({ scene }) => isLate(scene)));
  t.true(unseen.every(({ scene }) => isLate(scene)));
});

test('a scene has the same furniture in every game', (t) => {
  const furniture = new Map<number, string>();
  let again = 0;
  for (const { scene, game } of many('unseen', 60)) {
    const text = game
      .start()
      .facts('receptacleatlocation')
      .map(([receptacle, place]) => `${receptacle.id}@${place.id}`)
      .join();
    if (furniture.has(scene)) again++;
    t.is(furniture.get(scene) ?? text, text);
    furniture.set(scene, text);
  }
  t.true(again > 10);
});

test('the texts read well', (t) => {
  const { game, file } = generateGame({
    seed: 1,
    episode: 3,
    split: 'train',
    rules: { ...ALL_GAMES, taskTypes: ['pick_heat_then_place_in_recep'] },
  });
  const play = game.start();
  t.regex(
    play.intro,
    /^Welcome home\.\n\nYou stand in the middle of the room\. Around you are a .*, and a \w+ 1\.\n\nYour task is to: .*\.$/,
  );
  const answers = file.walkthrough!.map((command) => play.step(command).feedback);
  t.true(
    answers.some((answer) => /^You warm the \w+ \d in the microwave 1\.$/.test(answer)),
    answers.join('\n'),
  );
  t.notRegex(answers.join(), /Nothing happens/);
});

test('from any state the plan wins, and each of its good first commands makes it shorter by one', (t) => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(20), (episode, steps) => {
      const { game, task } = generateGame({ seed: 9, episode, split: 'train' });
      const random = new RandomStream({ seed: episode, purpose: 'wander' });
      const commands: string[] = [];
      const play = game.start();
      for (let i = 0; i < steps && !play.won; i++) {
        commands.push(random.pick(play.commands));
        play.step(commands.at(-1)!);
      }
      const advice = advise(play, task)!;
      const first = advice.plans.map(([command]) => command);
      t.true(first.every((command) => play.commands.includes(command)));
      for (const command of first) {
        const copy = game.start();
        follow(copy, [...commands, command]);
        t.is(advise(copy, task)!.plan.length, advice.plan.length - 1);
      }
      t.true(follow(play, advice.plan));
      t.true(play.won);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('no plan of three commands or less is overlooked', (t) => {
  // Exhaustive search to depth 3 from late states of solutions.
  const shortest = (play: () => TextGamePlay, depth: number): number | null => {
    const now = play();
    if (now.won) return 0;
    if (depth === 0) return null;
    const rest = now.commands.map(
      (command) =>
        shortest(() => {
          const next = play();
          next.step(command);
          return next;
        }, depth - 1) ?? Infinity,
    );
    const best = Math.min(...rest);
    return best === Infinity ? null : best + 1;
  };
  for (const type of TASK_TYPES) {
    const { game, file, task } = generateGame({
      seed: 4,
      episode: 1,
      split: 'train',
      rules: { ...ALL_GAMES, taskTypes: [type] },
    });
    const before = file.walkthrough!.slice(0, -2);
    const play = (): TextGamePlay => {
      const start = game.start();
      follow(start, before);
      return start;
    };
    t.is(advise(play(), task)!.plan.length, shortest(play, 2) ?? -1, type);
  }
});

test('recorded games are solved in no more steps than their walkthroughs', (t) => {
  const games = join(import.meta.dirname, 'games');
  for (const folder of readdirSync(games, { recursive: true, encoding: 'utf8' }).filter(
    (each) => each.includes('trial_') && !each.includes('.'),
  )) {
    const game = new TextGame(JSON.parse(readText(join(games, folder, 'game.tw-pddl'))));
    const task = readTask(JSON.parse(readFileSync(join(games, folder, 'traj_data.json'), 'utf8')));
    const { plan } = advise(game.start(), task)!;
    t.true(plan.length <= game.walkthrough.length);
    const play = game.start();
    t.true(follow(play, plan) && play.won);
    t.deepEqual(advise(play, task), { plan: [], plans: [[]] });
    t.is(advise(game.start(), { ...task, sliced: true }), null);
  }
});
