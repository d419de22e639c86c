/**
 * Goal conditions of the six household tasks: how many are met, by the definitions of ALFRED's simulator, judged on the
 * facts.
 */
import type { Entity } from './entities.ts';
import { AlfworldGameError } from './game-error.ts';
import type { TextGamePlay } from './text-game-play.ts';

export const TASK_TYPES = [
  'pick_and_place_simple',
  'look_at_obj_in_light',
  'pick_clean_then_place_in_recep',
  'pick_heat_then_place_in_recep',
  'pick_cool_then_place_in_recep',
  'pick_two_obj_and_place',
] as const;
export type TaskType = (typeof TASK_TYPES)[number];

/**
 * What a game asks for. Kinds are ALFRED's names, e.g. `Apple`, `SinkBasin`, `DeskLamp`; '' where the task has none.
 */
export type Task = {
  readonly type: TaskType;
  readonly object: string;
  readonly receptacle: string;
  readonly lamp: string;
  readonly sliced: boolean;
};

/** `met` of `total` conditions hold. */
export type GoalConditions = { readonly met: number; readonly total: number };

/** The property that a task wants and the predicate for it. */
export const WANTED_PROPERTY: Partial<Record<TaskType, 'isclean' | 'ishot' | 'iscool'>> = {
  pick_clean_then_place_in_recep: 'isclean',
  pick_heat_then_place_in_recep: 'ishot',
  pick_cool_then_place_in_recep: 'iscool',
};

/** The task of a `traj_data.json`. @throws AlfworldGameError if it is not one of the six or lacks a field */
export function readTask(trajectory: unknown): Task {
  const { task_type: type, pddl_params: params } = (trajectory ?? {}) as {
    task_type?: unknown;
    pddl_params?: Record<string, unknown> | null;
  };
  const known = TASK_TYPES.find((each) => each === type);
  if (!known) throw new AlfworldGameError(`The task type "${String(type)}" is not one of ${TASK_TYPES.join(', ')}.`);
  if (!params) throw new AlfworldGameError('The trajectory data has no "pddl_params".');
  const text = (field: string): string => (typeof params[field] === 'string' ? params[field] : '');
  const task: Task = {
    type: known,
    object: text('object_target'),
    receptacle: text('parent_target'),
    lamp: text('toggle_target'),
    sliced: params['object_sliced'] === true,
  };
  if (!task.object) throw new AlfworldGameError('The trajectory data names no "object_target".');
  return task;
}

/** All things of one of ALFRED's kinds, e.g. `SinkBasin`, sorted by id. */
export function ofKind(play: TextGamePlay, kind: string): Entity[] {
  const wanted = `${kind.toLowerCase()}type`;
  return ['objecttype', 'receptacletype'].flatMap((predicate) =>
    play
      .facts(predicate)
      .filter(([, type]) => type.id === wanted)
      .map(([thing]) => thing),
  );
}

/**
 * pick_and_place: a target in place. pick_two: targets in the fullest place, two at most. clean, heat, cool: a target
 * in place, a target with the property, one with both. look_at: a target in hand, and a lamp switched on where the
 * agent is. Sliced targets count once more (twice for two).
 */
export function goalConditions(play: TextGamePlay, task: Task): GoalConditions {
  const targets = ofKind(play, task.object).filter((target) => !task.sliced || play.isTrue('issliced', target));
  const places = ofKind(play, task.receptacle);
  const isIn = (target: Entity, place: Entity): boolean => play.isTrue('inreceptacle', target, place);
  const inPlace = targets.filter((target) => places.some((place) => isIn(target, place)));
  const most = task.type === 'pick_two_obj_and_place' ? 2 : 1;
  const sliced: GoalConditions = task.sliced
    ? { met: Math.min(targets.length, most), total: most }
    : { met: 0, total: 0 };
  const count = (conditions: readonly boolean[]): GoalConditions => ({
    met: sliced.met + conditions.filter(Boolean).length,
    total: sliced.total + conditions.length,
  });
  switch (task.type) {
    case 'pick_and_place_simple':
      return count([inPlace.length > 0]);
    case 'pick_two_obj_and_place': {
      const fullest = Math.max(0, ...places.map((place) => targets.filter((target) => isIn(target, place)).length));
      return count([fullest >= 1, fullest >= 2]);
    }
    case 'look_at_obj_in_light': {
      const held = targets.some((target) => play.facts('holds').some(([, object]) => object === target));
      const here = play.facts('atlocation').map(([, location]) => location);
      const lit = ofKind(play, task.lamp).some(
        (lamp) =>
          play.isTrue('istoggled', lamp) &&
          play
            .facts('receptacleatlocation')
            .some(([receptacle, location]) => here.includes(location) && isIn(lamp, receptacle)),
      );
      return count([held, lit]);
    }
    default: {
      const property = WANTED_PROPERTY[task.type]!;
      const ready = targets.filter((target) => play.isTrue(property, target));
      return count([inPlace.length > 0, ready.length > 0, ready.some((target) => inPlace.includes(target))]);
    }
  }
}
