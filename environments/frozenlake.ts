/**
 * FrozenLake: over the ice to the goal, round the holes. Rules, maps and rewards of Gymnasium's FrozenLake-v1; the
 * pictures are drawn here.
 */
import { type Colour, type Environment, type EnvironmentModule, RandomStream } from 'durable-gtr/environment';
import { z } from 'zod';
import { beside, digits, drawGrid, HOW_TO_ANSWER, type Move, MOVE_NAMES, readGrid, REQUEST } from './grid.ts';

const MAPS = {
  '4x4': ['SFFF', 'FHFH', 'FFFH', 'HFFG'],
  '8x8': ['SFFFFFFF', 'FFFFFFFF', 'FFFHFFFF', 'FFFFFHFF', 'FFFHFFFF', 'FHHFFFHF', 'FHFFHFHF', 'FFFHFFFG'],
} as const;

const rows = z
  .array(z.string().regex(/^[SFHG]+$/, 'must consist of the letters S, F, H and G'))
  .min(2)
  .max(10)
  .refine((map) => map.every(({ length }) => length === map.length), 'must be as wide as it is high')
  .refine((map) => map.join('').split('S').length === 2, 'must hold the start S once');

const optionsSchema = z.strictObject({
  /** `random`: a new one each episode, with a way to the goal; or one of Gymnasium's; or rows of S, F, H, G. */
  map: z.union([z.enum(['random', '4x4', '8x8']), rows]).default('random'),
  /** Cells per side of random maps, and the share of them that is ice. */
  size: z.int().min(2).max(8).default(4),
  frozen: z.number().gt(0).max(1).default(0.8),
  /** On slippery ice a move goes in its direction with probability `successRate`, else to either side. */
  slippery: z.boolean().default(false),
  successRate: z
    .number()
    .gt(0)
    .max(1)
    .default(1 / 3),
  /** Steps after which an episode is truncated. */
  maxSteps: z.int().min(1).default(100),
});
type Options = z.infer<typeof optionsSchema>;

/** `sure`: probability that a move goes in its direction; `seed`, `episode`: seed of the slips. */
export type Lake = { map: string[]; at: number; steps: number; sure: number; seed: number; episode: number };
type Spot = Pick<Lake, 'map' | 'at' | 'sure'>;

/** Where a move may lead: [cell, probability]. */
export function outcomesOf({ map, at, sure }: Spot, move: Move): [cell: number, probability: number][] {
  const to = (direction: Move) => beside(map.length, at, direction) ?? at;
  if (sure === 1) return [[to(move), 1]];
  const turning: readonly Move[] = ['left', 'down', 'right', 'up'];
  const place = turning.indexOf(move);
  return [-1, 0, 1].map((turn) => [to(turning[(place + turn + 4) % 4]), turn === 0 ? sure : (1 - sure) / 2]);
}

const tile = (map: readonly string[], cell: number) => map[Math.floor(cell / map.length)][cell % map.length];
const cellsOf = (map: readonly string[]) => Array.from({ length: map.length ** 2 }, (_, cell) => cell);
const isEnd = (map: readonly string[], cell: number) => 'GH'.includes(tile(map, cell));
const startOf = (map: readonly string[]) => map.join('').indexOf('S');

function randomMap(random: RandomStream, { size, frozen }: Options): string[] {
  for (;;) {
    const map = Array.from({ length: size }, (_, row) =>
      Array.from({ length: size }, (_, column) =>
        row + column === 0 ? 'S' : row + column === 2 * size - 2 ? 'G' : random.uniform() < frozen ? 'F' : 'H',
      ).join(''),
    );
    if (valuesOf(map, 1)[0] > 0) return map;
  }
}

/** Later steps count less, so that among equally safe routes the shortest has the highest value. */
const DISCOUNT = 0.99;
const known = new Map<string, Float64Array>();

/** The value of each cell: the discounted probability of reaching the goal, by value iteration. */
function valuesOf(map: readonly string[], sure: number): Float64Array {
  const name = [...map, sure].join(' ');
  const before = known.get(name);
  if (before !== undefined) return before;
  const values = Float64Array.from(cellsOf(map), (cell) => (tile(map, cell) === 'G' ? 1 : 0));
  const walked = cellsOf(map).filter((cell) => !isEnd(map, cell));
  for (let change = 1; change > 1e-12;) {
    change = 0;
    for (const at of walked) {
      const best = Math.max(...worthsOf({ map: [...map], at, sure }, values));
      change = Math.max(change, Math.abs(best - values[at]));
      values[at] = best;
    }
  }
  if (known.size >= 512) known.clear();
  known.set(name, values);
  return values;
}

/** The value of each of `MOVE_NAMES`. */
function worthsOf(spot: Spot, values: Float64Array): number[] {
  return MOVE_NAMES.map((move) =>
    outcomesOf(spot, move).reduce((sum, [cell, chance]) => sum + DISCOUNT * chance * values[cell], 0),
  );
}

const [ICE, START, HOLE, GOAL, PLAYER]: Colour[] = [
  [225, 240, 255],
  [250, 245, 190],
  [20, 40, 90],
  [60, 190, 80],
  [220, 60, 40],
];
const GROUNDS: Record<string, Colour> = { F: ICE, S: START, H: HOLE, G: GOAL };

function play(lake: Lake, { maxSteps }: Options) {
  const { map, sure, seed, episode } = lake;
  let { at, steps } = lake;
  return {
    state: () => ({ ...lake, at, steps }),
    observe: (size: number) =>
      drawGrid(
        {
          side: map.length,
          ground: (cell) => GROUNDS[tile(map, cell)],
          piece: (cell) => (cell === at ? PLAYER : null),
        },
        size,
      ),
    promptValues: () => ({ last: String(map.length - 1) }),
    legalActions: () => MOVE_NAMES,
    step(action: string) {
      if (isEnd(map, at) || steps >= maxSteps) throw new Error('frozenlake: the episode is over');
      if (!MOVE_NAMES.includes(action as Move)) throw new RangeError(`frozenlake: "${action}" is not an action`);
      let drawn =
        sure === 1 ? 0 : new RandomStream({ seed, purpose: 'slip frozenlake', episode, step: steps }).uniform();
      const outcomes = outcomesOf({ map, at, sure }, action as Move);
      at = (outcomes.find(([, chance]) => (drawn -= chance) < 0) ?? outcomes.at(-1)!)[0];
      steps++;
      const stop = isEnd(map, at) ? ('terminated' as const) : steps >= maxSteps ? ('truncated' as const) : null;
      return { reward: tile(map, at) === 'G' ? 1 : 0, stop };
    },
  };
}

const lakeOf = (environment: Environment) => environment.state() as unknown as Lake;

export default {
  game: {
    name: 'frozenlake',
    parseOptions: (options) => optionsSchema.parse(options),
    start({ seed, episode, random }, options) {
      const { map: named, slippery, successRate } = options;
      const map =
        named === 'random' ? randomMap(random, options) : [...(typeof named === 'string' ? MAPS[named] : named)];
      return play({ map, at: startOf(map), steps: 0, sure: slippery ? successRate : 1, seed, episode }, options);
    },
    fromState: play,
    outcome: ({ start }, reward) => {
      const holes = (start as unknown as Lake).map.join('').split('H').length - 1;
      return { success: reward > 0, group: holes === 1 ? '1 hole' : `${holes} holes`, progress: null };
    },
  },
  prompt: {
    prompt:
      '<image>\nWe walk over a frozen lake. The picture shows its cells: light ones are ice, dark blue ones ' +
      'are holes, the green one is the goal, and the red square is the player. Columns and rows are numbered ' +
      'from 0 to {last}, from the upper left. Reach the goal; who steps into a hole has lost.\nPossible ' +
      'actions: up, down, left, right\nLook at the picture, think about what to do next, and answer with one ' +
      'JSON object of this form and nothing else:\n{\n"player": "column and row of the player, as two ' +
      'digits",\n"holes": "directions in which a hole lies beside the player, or none",\n"thoughts": "which ' +
      'way to go",\n"action": "one of the possible actions"\n}',
    keys: ['player', 'holes', 'thoughts', 'action'],
    thought: { player: '{at}', holes: '{holes}', thoughts: 'The safest short way to the goal is {next}' },
  },
  expert: {
    percepts: ['at', 'holes'],
    goodActions(environment) {
      const lake = lakeOf(environment);
      const worths = worthsOf(lake, valuesOf(lake.map, lake.sure));
      const most = Math.max(...worths);
      return most <= 0 ? [] : MOVE_NAMES.filter((_, index) => worths[index] > most - 1e-9);
    },
    /** Straight to the goal: down, then right, whatever is there. */
    naiveAction(environment) {
      const { map, at } = lakeOf(environment);
      return Math.floor(at / map.length) < map.length - 1 ? 'down' : 'right';
    },
    words(environment) {
      const { map, at } = lakeOf(environment);
      const holes = MOVE_NAMES.filter((move) => {
        const cell = beside(map.length, at, move);
        return cell !== null && tile(map, cell) === 'H';
      });
      return { at: digits(map.length, at), holes: holes.length === 0 ? 'none' : holes.join(' ') };
    },
  },
  correctorPrompt: {
    system: [
      'You watch an agent (the red square) that walks over a frozen lake, and judge what it thinks before ' +
        'each action. You see the same picture as the agent: light cells are ice, dark blue ones are holes, ' +
        'the green one is the goal. Columns and rows are numbered from 0, from the upper left. Who steps into ' +
        'a hole has lost.',
      ...HOW_TO_ANSWER,
    ],
    questions: [
      'In which cell is the player?',
      'In which of the four directions lies a hole beside it?',
      'Is the move that the thought names on a shortest way to the goal that avoids holes?',
    ],
    words: {
      at: "column and row of the player's cell, as two digits",
      holes: 'the directions in which a hole lies beside the player, in the order up, down, left, right, or none',
      next: 'up, down, left or right: the next move on a shortest safe way',
    },
    request: REQUEST,
    examples: [
      {
        picture: 'the player in the upper left cell, a hole below it',
        state: { map: ['SFF', 'HFF', 'FFG'], at: 0, steps: 0, sure: 1, seed: 1, episode: 0 },
        player: 'naive',
        answers: ['In 00.', 'Down.', 'No, down is a hole; right is safe.'],
      },
      {
        picture: 'the player in the middle, the goal two cells away',
        state: { map: ['SFF', 'HFF', 'FFG'], at: 4, steps: 2, sure: 1, seed: 1, episode: 0 },
        player: 'best',
        answers: ['In 11.', 'Left.', 'Yes.'],
      },
    ],
  },
  /** Assumes ice that is not slippery, because a picture cannot tell. */
  readState(picture) {
    const letters = Object.keys(GROUNDS);
    const grid = readGrid(picture, Object.values(GROUNDS), [PLAYER]);
    if (grid === null || !grid.pieces.includes(0)) return null;
    const text = grid.grounds.map((ground) => letters[ground]).join('');
    const map = Array.from({ length: grid.side }, (_, row) => text.slice(row * grid.side, (row + 1) * grid.side));
    return { map, at: grid.pieces.indexOf(0), steps: 0, sure: 1, seed: 0, episode: 0 } satisfies Lake;
  },
} satisfies EnvironmentModule<Options>;
