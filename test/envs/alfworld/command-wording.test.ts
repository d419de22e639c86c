/** Commands use the game's own words: both of ALFWorld's grammars, and any other. */
import { join } from 'node:path';
import test from 'ava';
import { readText } from '../../../core/envs/alfworld/conformance.ts';
import { advise } from '../../../core/envs/alfworld/expert.ts';
import { readTask } from '../../../core/envs/alfworld/goal-conditions.ts';
import { leads } from '../../../core/envs/alfworld/leads.ts';
import { TextGame, type GameFile } from '../../../core/envs/alfworld/text-game.ts';
import { judgeHousehold } from '../../../core/corrector/rehearsal/household-text.ts';

const BREAD = join(
  import.meta.dirname,
  'games/pick_heat_then_place_in_recep-Bread-None-CounterTop-8/trial_T20260409_044000_501699',
);
const file = JSON.parse(readText(join(BREAD, 'game.tw-pddl'))) as GameFile;
const task = readTask(JSON.parse(readText(join(BREAD, 'traj_data.json'))));

const worded = (changes: Record<string, string>): TextGame => {
  const grammar = Object.entries(changes).reduce((text, [from, to]) => text.replaceAll(from, to), file.grammar);
  return new TextGame({ ...file, grammar });
};

for (const [what, changes, last, heat] of [
  ['newer', {}, /^move bread \d+ to countertop \d+$/, /^heat bread \d+ with microwave \d+$/],
  ['older', { 'move {o} to {r}': 'put {o} in/on {r}' }, /^put bread \d+ in\/on countertop \d+$/, /^heat bread/],
  [
    "somebody's own",
    {
      'move {o} to {r}': 'place {o} onto {r}',
      'take {o} from {r}': 'from {r} grab {o}',
      'heat {o} with {r}': 'warm {o} up',
      '"open {r}"': '"pull {r}"',
      '"go to [': '"walk over to [',
    },
    /^place bread \d+ onto countertop \d+$/,
    /^warm bread \d+ up$/,
  ],
] as [string, Record<string, string>, RegExp, RegExp][])
  test(`the ${what} grammar's commands lead to the goal, by the expert and by what was seen`, (t) => {
    const game = worded(changes);
    const play = game.start();
    const { plan } = advise(play, task)!;
    t.true(plan.some((command) => heat.test(command)));
    t.regex(plan.at(-1)!, last);
    for (const command of plan) {
      t.true(play.commands.includes(command), command);
      play.step(command);
    }
    t.true(play.won);

    // A player who knows everything has the same path, and every lead can be followed immediately.
    const seen = new Set(
      game
        .start()
        .facts('receptacletype')
        .map(([receptacle]) => receptacle),
    );
    const walk = game.start();
    for (let step = 0; step < plan.length; step++) {
      const found = leads(walk, task, seen);
      t.true(found.length > 0 && found.every(({ command }) => walk.commands.includes(command)));
      t.false(found.some(({ subgoal }) => game.wording.isWay(subgoal)));
      walk.step(found[0].command);
    }
    t.true(walk.won);
  });

test('a lead is always an admissible command', (t) => {
  // A game whose grammar gives two actions the same words, so the expert's command is also another action's.
  const play = worded({ '"open {r}"': '"examine {r}"' }).start();
  const seen = new Set(play.facts('receptacletype').map(([receptacle]) => receptacle));
  for (const { command } of leads(play, task, seen)) t.true(play.commands.includes(command));
});

test("a reader of requests names the next command in the grammar's words", (t) => {
  const judged = (put: string) =>
    judgeHousehold(
      {
        task: 'put a bread in countertop',
        history: 'go to shelf 1\ntake bread 1 from shelf 1',
        commands: `go to countertop 1\n${put}`,
        feedback: 'You take the bread 1 from the shelf 1.',
      },
      { thoughts: '' },
      'look',
      { thoughts: '{subgoal}, so {next}' },
    ).correction;
  t.deepEqual(judged('move bread 1 to shelf 1'), {
    thoughts: 'move bread 1 to countertop, so go to countertop 1',
    action: 'go to countertop 1',
  });
  t.like(judged('put bread 1 in/on shelf 1'), { thoughts: 'put bread 1 in/on countertop, so go to countertop 1' });
});
