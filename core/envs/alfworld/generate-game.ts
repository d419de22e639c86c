/** Seeded, solvable household games of the six task types in rooms with the furniture of ALFRED's floor plans. */
import { RandomStream } from '../../random/counter.ts';
import { advise, DEVICES } from './expert.ts';
import { TASK_TYPES, WANTED_PROPERTY, type Task, type TaskType } from './goal-conditions.ts';
import {
  CLEANABLE,
  COOLABLE,
  FIRST_SCENE,
  HEATABLE,
  LAMP_STANDS,
  OPENABLE,
  RECEPTACLES,
  ROOMS,
  SCENES_PER_ROOM,
  TAKES,
  THINGS,
  type Room,
} from './kinds.ts';
import { OWN_DOMAIN, ownGrammar } from './own-game-text.ts';
import { TextGame, type GameFile } from './text-game.ts';

/**
 * `train` and `seen` share rooms, but no (task, object, receptacle, room) is in both; the rooms of `unseen` are in
 * neither.
 */
export const SPLITS = ['train', 'seen', 'unseen'] as const;
export type Split = (typeof SPLITS)[number];

export type GeneratedGame = {
  /** `<task>-<object>-None-<receptacle or lamp>-<scene>`, as the data set names its folders. */
  readonly name: string;
  readonly scene: number;
  readonly task: Task;
  readonly file: GameFile;
  readonly game: TextGame;
};

/** Which games are drawn. */
export type GameRules = {
  readonly taskTypes: readonly TaskType[];
  /** Rooms that games play in; at least one must suit one of the tasks. */
  readonly rooms: readonly Room[];
  /** Most receptacles, of those that the room has; null: all. */
  readonly mostReceptacles: number | null;
  /** Most things in addition to the task's; null: a random number. */
  readonly mostThings: number | null;
};

/** Games as large as the original's, of every kind. */
export const ALL_GAMES: GameRules = { taskTypes: TASK_TYPES, rooms: ROOMS, mostReceptacles: null, mostThings: null };

export type GamePlace = {
  readonly seed: number;
  readonly episode: number;
  readonly split: Split;
  readonly rules?: GameRules;
};

/** The last scenes of each kind of room are kept for `unseen`. */
const UNSEEN_SCENES = 6;
/** One in this many combinations of the other rooms is kept for `seen`. */
const SEEN_SHARE = 5;

/**
 * A game as a function of its key alone. Draws that cannot be solved, are won at the start, or belong to another split
 * are skipped.
 */
export function generateGame({ seed, episode, split, rules = ALL_GAMES }: GamePlace): GeneratedGame {
  const random = new RandomStream({ seed, purpose: `household ${split}`, episode });
  const type = random.pick(playableTypes(rules));
  for (;;) {
    const room = random.pick(roomsFor(type, rules));
    const offset =
      split === 'unseen'
        ? SCENES_PER_ROOM - UNSEEN_SCENES + random.below(UNSEEN_SCENES)
        : random.below(SCENES_PER_ROOM - UNSEEN_SCENES);
    const scene = FIRST_SCENE[room] + offset;
    const furniture = furnish(room, scene);
    const task = drawTask(type, room, furniture, random);
    if (!task) continue;
    const receptacles = thinOut(furniture, task, rules, random);
    const name = `${type}-${task.object}-None-${task.receptacle || task.lamp}-${scene}`;
    if (split !== 'unseen' && isSeen(name) !== (split === 'seen')) continue;
    const file: GameFile = {
      pddl_domain: OWN_DOMAIN,
      grammar: ownGrammar(sentence(task, random)),
      pddl_problem: problem(room, receptacles, task, rules, random),
      solvable: true,
    };
    const game = new TextGame(file);
    const plan = advise(game.start(), task)?.plan;
    if (plan && plan.length > 0) return { name, scene, task, file: { ...file, walkthrough: plan }, game };
  }
}

/** The wanted task types that one of the wanted rooms suits. */
export function playableTypes(rules: GameRules): readonly TaskType[] {
  return rules.taskTypes.filter((type) => roomsFor(type, rules).length > 0);
}

const FIT_ROOMS: Readonly<Record<TaskType, readonly Room[]>> = {
  pick_and_place_simple: ROOMS,
  look_at_obj_in_light: ['livingRoom', 'bedroom'],
  pick_clean_then_place_in_recep: ['kitchen', 'bathroom'],
  pick_heat_then_place_in_recep: ['kitchen'],
  pick_cool_then_place_in_recep: ['kitchen'],
  pick_two_obj_and_place: ROOMS,
};

function roomsFor(type: TaskType, { rooms }: GameRules): readonly Room[] {
  return FIT_ROOMS[type].filter((room) => rooms.includes(room));
}

function isSeen(name: string): boolean {
  return new RandomStream({ seed: 0, purpose: name }).below(SEEN_SHARE) === 0;
}

/**
 * A receptacle of a room: an id from which ALFWorld's rule makes `drawer 3`, and the number of the place to stand at.
 */
type Furniture = { readonly kind: string; readonly id: string; readonly place: number };

/** The furniture of a scene, the same in every game that plays there. */
function furnish(room: Room, scene: number): Furniture[] {
  const random = new RandomStream({ seed: scene, purpose: 'household furniture' });
  const furniture: Furniture[] = [];
  let place = 0;
  for (const [kind, [fewest, most]] of Object.entries(RECEPTACLES[room])) {
    const count = fewest + random.below(most - fewest + 1);
    for (let i = 1; i <= count; i++) {
      // Neighbouring cabinets, drawers, shelves and burners are often reached from one place.
      const shares = i > 1 && ['Cabinet', 'Drawer', 'Shelf', 'StoveBurner'].includes(kind) && random.below(3) === 0;
      if (!shares) place++;
      const number = String(i).padStart(2, '0');
      const basin = /^(.*)Basin$/.exec(kind);
      furniture.push({ kind, id: basin ? `${basin[1]}_bar_${number}_bar_${kind}` : `${kind}_bar_${number}`, place });
    }
  }
  return furniture;
}

/** At most `mostReceptacles` of the furniture, in its order: the task's own first, the others at random. */
function thinOut(
  furniture: readonly Furniture[],
  task: Task,
  { mostReceptacles }: GameRules,
  random: RandomStream,
): readonly Furniture[] {
  if (mostReceptacles === null) return furniture;
  const property = WANTED_PROPERTY[task.type];
  const device = property && DEVICES[property];
  const isNeeded = ({ kind }: Furniture): boolean =>
    kind === task.receptacle || kind.toLowerCase() === device || (task.lamp !== '' && LAMP_STANDS.includes(kind));
  const shuffled = random.shuffled(furniture);
  const firstOfKind = shuffled.filter(
    (one, i) => isNeeded(one) && shuffled.findIndex(({ kind }) => kind === one.kind) === i,
  );
  const kept = new Set(
    [...firstOfKind, ...shuffled].filter((one, i, all) => all.indexOf(one) === i).slice(0, mostReceptacles),
  );
  return furniture.filter((one) => kept.has(one));
}

function drawTask(type: TaskType, room: Room, receptacles: readonly Furniture[], random: RandomStream): Task | null {
  const carried = THINGS[room].filter((kind) =>
    (type === 'pick_clean_then_place_in_recep'
      ? CLEANABLE
      : type === 'pick_heat_then_place_in_recep'
        ? HEATABLE
        : type === 'pick_cool_then_place_in_recep'
          ? COOLABLE
          : new Set(THINGS[room])
    ).has(kind),
  );
  const object = random.pick(carried);
  const none = { type, object, receptacle: '', lamp: '', sliced: false };
  if (type === 'look_at_obj_in_light')
    return receptacles.some(({ kind }) => LAMP_STANDS.includes(kind)) ? { ...none, lamp: 'DeskLamp' } : null;
  const goals = [...new Set(receptacles.map(({ kind }) => kind))].filter((kind) => TAKES[kind].includes(object));
  return goals.length === 0 ? null : { ...none, receptacle: random.pick(goals) };
}

const SENTENCES: Readonly<Record<TaskType, readonly string[]>> = {
  pick_and_place_simple: ['put a {o} in {r}', 'bring some {o} to the {r}'],
  look_at_obj_in_light: ['look at the {o} under the {l}', 'hold a {o} in the light of the {l}'],
  pick_clean_then_place_in_recep: ['wash a {o} and put it in {r}', 'put a clean {o} in {r}'],
  pick_heat_then_place_in_recep: ['warm a {o} and put it in {r}', 'put a hot {o} in {r}'],
  pick_cool_then_place_in_recep: ['chill a {o} and put it in {r}', 'put a cold {o} in {r}'],
  pick_two_obj_and_place: ['put two {o} in {r}', 'bring two {o} to one {r}'],
};

function sentence(task: Task, random: RandomStream): string {
  return random
    .pick(SENTENCES[task.type])
    .replace('{o}', task.object.toLowerCase())
    .replace('{r}', task.receptacle.toLowerCase())
    .replace('{l}', task.lamp.toLowerCase());
}

/**
 * The problem: furniture; one to three things of each kind, where they may lie; no target in a goal receptacle.
 */
function problem(
  room: Room,
  receptacles: readonly Furniture[],
  task: Task,
  { mostThings }: GameRules,
  random: RandomStream,
): string {
  let things: { kind: string; id: string; at: Furniture }[] = [];
  const place = (kind: string, number: number, homes: readonly Furniture[]): void => {
    if (homes.length > 0)
      things.push({ kind, id: `${kind}_bar_${String(number).padStart(2, '0')}`, at: random.pick(homes) });
  };
  for (const kind of THINGS[room]) {
    const isTarget = kind === task.object;
    const fewest = !isTarget ? 0 : task.type === 'pick_two_obj_and_place' ? 2 : 1;
    const homes = receptacles.filter(
      (home) => TAKES[home.kind].includes(kind) && !(isTarget && home.kind === task.receptacle),
    );
    for (let i = 1, count = Math.max(fewest, random.below(4)); i <= count; i++) place(kind, i, homes);
  }
  if (mostThings !== null) {
    const others = new Set(random.shuffled(things.filter(({ kind }) => kind !== task.object)).slice(0, mostThings));
    things = things.filter((thing) => thing.kind === task.object || others.has(thing));
  }
  if (task.lamp)
    place(
      task.lamp,
      1,
      receptacles.filter(({ kind }) => LAMP_STANDS.includes(kind)),
    );

  const kinds = new Set(
    [
      ...receptacles.map(({ kind }) => kind),
      ...things.map(({ kind }) => kind),
      task.object,
      task.receptacle,
      'SinkBasin',
      'Microwave',
      'Fridge',
    ].filter(Boolean),
  );
  const places = new Set(receptacles.map((receptacle) => receptacle.place));
  const facts = [
    '(atLocation agent1 place_bar_0)',
    ...receptacles.flatMap(({ kind, id, place: number }) => [
      `(receptacleType ${id} ${kind}Type)`,
      `(receptacleAtLocation ${id} place_bar_${number})`,
      ...(OPENABLE.has(kind) ? [`(openable ${id})`] : []),
    ]),
    ...things.flatMap(({ kind, id, at }) => [
      `(objectType ${id} ${kind}Type)`,
      `(inReceptacle ${id} ${at.id})`,
      kind === task.lamp ? `(toggleable ${id})` : `(pickupable ${id})`,
      ...(CLEANABLE.has(kind) ? [`(cleanable ${id})`] : []),
      ...(HEATABLE.has(kind) ? [`(heatable ${id})`] : []),
      ...(COOLABLE.has(kind) ? [`(coolable ${id})`] : []),
    ]),
    ...[...new Set(receptacles.map(({ kind }) => kind))].flatMap((kind) =>
      TAKES[kind].filter((thing) => kinds.has(thing)).map((thing) => `(canContain ${kind}Type ${thing}Type)`),
    ),
  ];
  return `(define (problem home) (:domain household)
(:objects agent1 - agent place_bar_0 ${[...places].map((number) => `place_bar_${number}`).join(' ')} - place
${receptacles.map(({ id }) => id).join(' ')} - receptacle
${things.map(({ id }) => id).join(' ')} - thing
${[...kinds].map((kind) => `${kind}Type`).join(' ')} - kind)
(:init ${facts.join('\n')})
(:goal ${goal(task)}))`;
}

function goal({ type, object, receptacle, lamp }: Task): string {
  if (type === 'look_at_obj_in_light') {
    return `(and (exists (?o - thing ?a - agent) (and (holds ?a ?o) (objectType ?o ${object}Type)))
      (exists (?x - thing ?r - receptacle ?a - agent ?l - place) (and (objectType ?x ${lamp}Type) (isToggled ?x) (inReceptacle ?x ?r) (receptacleAtLocation ?r ?l) (atLocation ?a ?l))))`;
  }
  const lies = (thing: string): string => `(objectType ${thing} ${object}Type) (inReceptacle ${thing} ?r)`;
  const property = {
    pick_clean_then_place_in_recep: '(isClean ?o)',
    pick_heat_then_place_in_recep: '(isHot ?o)',
    pick_cool_then_place_in_recep: '(isCool ?o)',
  } as Partial<Record<TaskType, string>>;
  const more =
    type === 'pick_two_obj_and_place'
      ? `(exists (?o2 - thing) (and (not (= ?o ?o2)) ${lies('?o2')}))`
      : (property[type] ?? '');
  return `(exists (?r - receptacle ?o - thing) (and (receptacleType ?r ${receptacle}Type) ${lies('?o')} ${more}))`;
}
