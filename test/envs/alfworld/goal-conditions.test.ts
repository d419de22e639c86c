/** Goal conditions of the six task types, on one small kitchen. */
import test from 'ava';
import { goalConditions, readTask, type Task } from '../../../core/envs/alfworld/goal-conditions.ts';
import { tinyGame } from './tiny-game.ts';

/** A room with two apples, a lamp on a desk and two shelves, and these facts on top. */
const room = (facts: string) =>
  tinyGame({
    types: 'object agent location receptacle rtype otype',
    actions: '',
    texts: {},
    goal: '()',
    predicates:
      '(objectType ?o ?t) (receptacleType ?r ?t) (inReceptacle ?o ?r) (holds ?a ?o) (isHot ?o) (isCool ?o) (isClean ' +
      '?o) (isToggled ?o) (isSliced ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)',
    objects:
      'agent1 - agent here there - location apple1 apple2 lamp1 - object shelf1 shelf2 desk1 - receptacle ShelfType ' +
      'DeskType - rtype AppleType DeskLampType - otype',
    init: `(objectType apple1 AppleType) (objectType apple2 AppleType) (objectType lamp1 DeskLampType) (receptacleType shelf1 ShelfType) (receptacleType shelf2 ShelfType)
    (receptacleType desk1 DeskType) (inReceptacle lamp1 desk1) (receptacleAtLocation desk1 here) (receptacleAtLocation shelf1 there) ${facts}`,
  }).start();

const task = (type: Task['type'], more: Partial<Task> = {}): Task => ({
  type,
  object: 'Apple',
  receptacle: 'Shelf',
  lamp: 'DeskLamp',
  sliced: false,
  ...more,
});

const cases: [Task, string, [number, number]][] = [
  [task('pick_and_place_simple'), '', [0, 1]],
  [task('pick_and_place_simple'), '(inReceptacle apple1 desk1)', [0, 1]],
  [task('pick_and_place_simple'), '(inReceptacle apple1 shelf2)', [1, 1]],
  [task('pick_two_obj_and_place'), '(inReceptacle apple1 shelf1) (inReceptacle apple2 shelf2)', [1, 2]],
  [task('pick_two_obj_and_place'), '(inReceptacle apple1 shelf1) (inReceptacle apple2 shelf1)', [2, 2]],
  [task('pick_heat_then_place_in_recep'), '(isHot apple1)', [1, 3]],
  [task('pick_heat_then_place_in_recep'), '(isHot apple1) (inReceptacle apple2 shelf1)', [2, 3]],
  [task('pick_heat_then_place_in_recep'), '(isHot apple1) (inReceptacle apple1 shelf1)', [3, 3]],
  [task('pick_cool_then_place_in_recep'), '(isHot apple1) (inReceptacle apple1 shelf1)', [1, 3]],
  [task('pick_cool_then_place_in_recep'), '(isCool apple1) (inReceptacle apple1 shelf1)', [3, 3]],
  [task('pick_clean_then_place_in_recep'), '(isClean apple1)', [1, 3]],
  [task('look_at_obj_in_light'), '(holds agent1 apple2) (atLocation agent1 there) (isToggled lamp1)', [1, 2]],
  [task('look_at_obj_in_light'), '(atLocation agent1 here) (isToggled lamp1)', [1, 2]],
  [task('look_at_obj_in_light'), '(holds agent1 apple2) (atLocation agent1 here) (isToggled lamp1)', [2, 2]],
  [task('look_at_obj_in_light'), '(holds agent1 lamp1) (atLocation agent1 here)', [0, 2]],
  [task('pick_and_place_simple', { sliced: true }), '(inReceptacle apple1 shelf1)', [0, 2]],
  [task('pick_and_place_simple', { sliced: true }), '(isSliced apple2)', [1, 2]],
  [task('pick_two_obj_and_place', { sliced: true }), '(isSliced apple2) (inReceptacle apple2 shelf1)', [2, 4]],
];
for (const [wanted, facts, [met, total]] of cases) {
  test(`${wanted.type}${wanted.sliced ? ' (sliced)' : ''} with ${facts || 'nothing'}: ${met}/${total}`, (t) => {
    t.deepEqual(goalConditions(room(facts), wanted), { met, total });
  });
}

test('a task is read from trajectory data', (t) => {
  t.deepEqual(
    readTask({
      task_type: 'look_at_obj_in_light',
      pddl_params: { object_target: 'Mug', parent_target: '', toggle_target: 'FloorLamp', object_sliced: false },
    }),
    { type: 'look_at_obj_in_light', object: 'Mug', receptacle: '', lamp: 'FloorLamp', sliced: false },
  );
  t.throws(() => readTask({ task_type: 'dance' }), {
    name: 'AlfworldGameError',
    message: /^The task type "dance" is not one of pick_and_place_simple, /,
  });
  t.throws(() => readTask({ task_type: 'look_at_obj_in_light' }), {
    message: 'The trajectory data has no "pddl_params".',
  });
  t.throws(() => readTask({ task_type: 'look_at_obj_in_light', pddl_params: {} }), {
    message: 'The trajectory data names no "object_target".',
  });
});
