/** The downloaded data set's layout, made of the enclosed games. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { checkGames, listGames, readGame, withGoalText } from '../../../core/envs/alfworld/data-set.ts';
import { TextGame } from '../../../core/envs/alfworld/text-game.ts';

const GAMES = join(import.meta.dirname, 'games');
const BREAD = 'pick_heat_then_place_in_recep-Bread-None-CounterTop-8';
const LAPTOP = 'look_at_obj_in_light-Laptop-None-DeskLamp-320/trial_T20260211_022003_824647';

function dataSet(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'alfworld-data-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const train = join(root, 'json_2.1.1/train');
  cpSync(GAMES, train, { recursive: true });
  cpSync(join(GAMES, BREAD), join(train, 'pick_and_place_with_movable_recep-Fork-Mug-Shelf-1'), { recursive: true });
  cpSync(join(GAMES, BREAD), join(train, 'pick_heat_then_place_in_recep-AppleSliced-None-CounterTop-8'), {
    recursive: true,
  });
  mkdirSync(join(train, BREAD, 'trial_without_game'));
  mkdirSync(join(root, 'json_2.1.1/valid_unseen'));
  return root;
}

test('games are listed by split and type; movable, sliced and missing ones are left out', (t) => {
  const root = dataSet(t);
  t.is(listGames(root, 'train').length, 2);
  t.is(listGames(root, 'train')[0], LAPTOP);
  t.deepEqual(listGames(root, 'train', ['look_at_obj_in_light']), [LAPTOP]);
});

test('unsolvable games are left out and counted; unreadable ones are named before they are drawn', async (t) => {
  const root = dataSet(t);
  const other = join(root, 'json_2.1.1/train', LAPTOP.replace('320', '321'));
  cpSync(join(root, 'json_2.1.1/train', LAPTOP), other, { recursive: true });
  const file = readGame(root, 'train', LAPTOP).file;
  rmSync(join(other, 'game.tw-pddl.gz'));
  writeFileSync(join(other, 'game.tw-pddl'), JSON.stringify({ ...file, solvable: false }));
  t.is(listGames(root, 'train', ['look_at_obj_in_light']).length, 1);
  t.deepEqual(await checkGames(root, 'train', ['look_at_obj_in_light']), {
    notes: [`1 games of train (${join(root, 'json_2.1.1/train')}); 1 are left out: marked as unsolvable`],
    faults: [],
  });

  const spoiled = dataSet(t);
  const spoil = (name: string, text: string) => {
    const folder = join(spoiled, 'json_2.1.1/train', LAPTOP.replace('320', name));
    cpSync(join(spoiled, 'json_2.1.1/train', LAPTOP), folder, { recursive: true });
    rmSync(join(folder, 'game.tw-pddl.gz'));
    writeFileSync(join(folder, 'game.tw-pddl'), text);
  };
  spoil('400', '');
  spoil('401', JSON.stringify({ ...file, walkthrough: 'go' }));
  spoil('402', JSON.stringify({ ...file, pddl_problem: file.pddl_problem.slice(0, -90) }));
  spoil('403', JSON.stringify({ ...file, grammar: 'grammar :: 7' }));
  const { faults } = await checkGames(spoiled, 'train', ['look_at_obj_in_light']);
  t.is(faults.length, 4);
  for (const [index, message] of [
    /^\/.*DeskLamp-400[^:]*game\.tw-pddl cannot be read: Unexpected end of JSON input/,
    /DeskLamp-401.*: game\.tw-pddl: walkthrough: /,
    /DeskLamp-402.*PDDL problem/,
    /DeskLamp-403.*The text grammar needs a text in triple quotes/,
  ].entries())
    t.regex(faults[index], message);
});

test('a data set of unsolvable games only is refused', (t) => {
  const root = dataSet(t);
  const file = readGame(root, 'train', LAPTOP).file;
  rmSync(join(root, 'json_2.1.1/train', LAPTOP, 'game.tw-pddl.gz'));
  writeFileSync(join(root, 'json_2.1.1/train', LAPTOP, 'game.tw-pddl'), JSON.stringify({ ...file, solvable: false }));
  t.throws(() => listGames(root, 'train', ['look_at_obj_in_light']), {
    name: 'AlfworldGameError',
    message: /^No game of the task types .* but 1 that are marked as unsolvable\.$/,
  });
});

test('a missing folder or game is one sentence', (t) => {
  const root = dataSet(t);
  t.throws(() => listGames(root, 'seen'), {
    name: 'AlfworldGameError',
    message: /^ALFWorld's games are not at .*valid_seen; run alfworld-download /,
  });
  t.throws(() => listGames(root, 'unseen'), { message: /^No game of the task types / });
  t.throws(() => listGames(root, 'train', ['pick_two_obj_and_place']), {
    message: /pick_two_obj_and_place lies below/,
  });
  t.throws(() => readGame(root, 'train', 'none/none'), { message: /traj_data\.json cannot be read: ENOENT/ });
  writeFileSync(join(root, 'json_2.1.1/train', LAPTOP, 'traj_data.json'), '{"task_type": "dance"}');
  t.throws(() => readGame(root, 'train', LAPTOP), { message: /^The task type "dance"/ });
});

test('a game comes with its task and annotations, and plays', (t) => {
  const { file, task, annotations } = readGame(dataSet(t), 'train', LAPTOP);
  t.deepEqual(task, {
    type: 'look_at_obj_in_light',
    object: 'Laptop',
    receptacle: '',
    lamp: 'DeskLamp',
    sliced: false,
  });
  t.is(annotations.length, 3);
  t.regex(new TextGame(file).start().intro, /Your task is to: examine the laptop with the desklamp\.$/);
});

test('another goal sentence replaces the old one completely', (t) => {
  const { file } = readGame(dataSet(t), 'train', LAPTOP);
  const goal = (sentence: string): string =>
    new TextGame(withGoalText(file, sentence)).start().intro.split('Your task is to: ')[1];
  t.is(goal('Hold the laptop; switch on "the" lamp [soon] $&'), "Hold the laptop, switch on 'the' lamp, soon, $&");
  t.is(goal('back\\slash'), 'back\\slash');
});
