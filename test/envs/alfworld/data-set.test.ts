/** The downloaded data set's layout, made of the enclosed games. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { listGames, readGame, withGoalText } from '../../../core/envs/alfworld/data-set.ts';
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

test('what is missing is said in a sentence', (t) => {
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

test('another goal sentence takes the place of the old one and stays whole', (t) => {
  const { file } = readGame(dataSet(t), 'train', LAPTOP);
  const goal = (sentence: string): string =>
    new TextGame(withGoalText(file, sentence)).start().intro.split('Your task is to: ')[1];
  t.is(goal('Hold the laptop; switch on "the" lamp [soon] $&'), "Hold the laptop, switch on 'the' lamp, soon, $&");
  t.is(goal('back\\slash'), 'back\\slash');
});
