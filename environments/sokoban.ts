/**
 * Sokoban: push every box onto a target. Rules and rewards of gym-sokoban, rooms made as it makes them (a random walk,
 * then boxes pulled away from their targets); the pictures are drawn here.
 */
import type { Colour, Environment, EnvironmentModule } from 'durable-gtr/environment';
import { z } from 'zod';
import { digits, drawGrid, HOW_TO_ANSWER, type Move, MOVE_NAMES, readGrid, REQUEST } from './grid.ts';
import { makeRoom } from './sokoban-rooms.ts';
import { afterMove, distanceOf, type Room, type Sokoban } from './sokoban-rules.ts';

const optionsSchema = z.strictObject({
  /** Cells per side, including the walls at the edges, and number of boxes. */
  size: z.int().min(5).max(10).default(6),
  boxes: z.int().min(1).max(4).default(1),
  /** Steps after which an episode is truncated. */
  maxSteps: z.int().min(1).default(120),
});
type Options = z.infer<typeof optionsSchema>;

const STEP = -0.1;
const BOX_ON_TARGET = 1;
const SOLVED = 10;

const [FLOOR, WALL, TARGET, BOX, PLAYER]: Colour[] = [
  [245, 240, 225],
  [70, 70, 80],
  [250, 150, 150],
  [150, 95, 40],
  [40, 80, 220],
];
const GROUNDS: Record<string, Colour> = { ' ': FLOOR, '#': WALL, '.': TARGET };

const groundOf = ({ rows }: Room, cell: number) => rows[Math.floor(cell / rows.length)][cell % rows.length];
const targetsOf = (room: Room) =>
  Array.from({ length: room.rows.length ** 2 }, (_, cell) => cell).filter((cell) => groundOf(room, cell) === '.');
const placed = (now: Sokoban) => now.boxes.filter((box) => groundOf(now, box) === '.').length;
const isSolved = (now: Sokoban) => placed(now) === now.boxes.length;

function play(begin: Sokoban, { maxSteps }: Options) {
  let now = begin;
  return {
    state: () => now,
    observe: (size: number) =>
      drawGrid(
        {
          side: now.rows.length,
          ground: (cell) => GROUNDS[groundOf(now, cell)],
          piece: (cell) => (cell === now.at ? PLAYER : now.boxes.includes(cell) ? BOX : null),
        },
        size,
      ),
    promptValues: () => ({ last: String(now.rows.length - 1) }),
    legalActions: () => MOVE_NAMES,
    step(action: string) {
      if (isSolved(now) || now.steps >= maxSteps) throw new Error('sokoban: the episode is over');
      if (!MOVE_NAMES.includes(action as Move)) throw new RangeError(`sokoban: "${action}" is not an action`);
      const after = { ...now, ...afterMove(now, action as Move), steps: now.steps + 1 };
      // Boxes on targets at the start count with the first step, as in gym-sokoban.
      const on = placed(after);
      const reward =
        STEP +
        (on > now.counted ? BOX_ON_TARGET : on < now.counted ? -BOX_ON_TARGET : 0) +
        (isSolved(after) ? SOLVED : 0);
      now = { ...after, counted: on };
      const stop = isSolved(now) ? ('terminated' as const) : now.steps >= maxSteps ? ('truncated' as const) : null;
      return { reward, stop };
    },
  };
}

const stateOf = (environment: Environment) => environment.state() as unknown as Sokoban;
const places = (side: number, cells: readonly number[]) => cells.map((cell) => digits(side, cell)).join(' ');

export default {
  game: {
    name: 'sokoban',
    parseOptions: (options) => optionsSchema.parse(options),
    start: ({ random }, options) => play({ ...makeRoom(random, options), steps: 0, counted: 0 }, options),
    fromState: play,
    outcome({ start, end }) {
      const [first, last] = [start, end] as unknown as Sokoban[];
      const moves = distanceOf(first);
      const group = moves <= 5 ? 'up to 5 moves' : moves <= 10 ? '6 to 10 moves' : 'over 10 moves';
      return { success: isSolved(last), group, progress: placed(last) / last.boxes.length };
    },
  },
  prompt: {
    prompt:
      '<image>\nWe play Sokoban. The picture shows a room: dark cells are walls, pink ones are targets, ' +
      'brown squares are boxes, and the blue square is the player. Columns and rows are numbered from 0 to ' +
      '{last}, from the upper left. A move into a box pushes it one cell on, if that cell is free; boxes ' +
      'cannot be pulled. Bring every box onto a target.\nPossible actions: up, down, left, right\nLook at ' +
      'the picture, think about what to do next, and answer with one JSON object of this form and nothing ' +
      'else:\n{\n"player": "column and row of the player, as two digits",\n"boxes": "those of each ' +
      'box",\n"targets": "those of each target",\n"thoughts": "which way to go",\n"action": "one of the ' +
      'possible actions"\n}',
    keys: ['player', 'boxes', 'targets', 'thoughts', 'action'],
    thought: {
      player: '{at}',
      boxes: '{boxes}',
      targets: '{targets}',
      thoughts: 'The next move of a shortest solution is {next}',
    },
  },
  expert: {
    percepts: ['at', 'boxes', 'targets'],
    goodActions(environment) {
      const now = stateOf(environment);
      const far = distanceOf(now);
      if (far === 0 || far === Infinity) return [];
      return MOVE_NAMES.filter((move) => distanceOf({ ...now, ...afterMove(now, move) }) === far - 1);
    },
    /** Straight towards the first box that is not on a target, sideways first, whatever is there. */
    naiveAction(environment) {
      const now = stateOf(environment);
      const side = now.rows.length;
      const box = now.boxes.find((cell) => groundOf(now, cell) !== '.') ?? now.boxes[0];
      const [dx, dy] = [(box % side) - (now.at % side), Math.floor(box / side) - Math.floor(now.at / side)];
      return dx !== 0 ? (dx > 0 ? 'right' : 'left') : dy > 0 ? 'down' : 'up';
    },
    words(environment) {
      const now = stateOf(environment);
      const side = now.rows.length;
      return { at: digits(side, now.at), boxes: places(side, now.boxes), targets: places(side, targetsOf(now)) };
    },
  },
  correctorPrompt: {
    system: [
      'You watch an agent (the blue square) that plays Sokoban, and judge what it thinks before each action. ' +
        'You see the same picture as the agent: dark cells are walls, pink ones are targets, brown squares are ' +
        'boxes. Columns and rows are numbered from 0, from the upper left. A move into a box pushes it one ' +
        'cell on, if that cell is free; boxes cannot be pulled. Every box is to stand on a target.',
      ...HOW_TO_ANSWER,
    ],
    questions: [
      'In which cells are the player, the boxes and the targets?',
      'Does the thought name them so?',
      'Is the move that it names the next one of a shortest solution?',
    ],
    words: {
      at: "column and row of the player's cell, as two digits",
      boxes: 'those of each box, row by row from the upper left',
      targets: 'those of each target, row by row from the upper left',
      next: 'up, down, left or right: the next move of a shortest solution',
    },
    request: REQUEST,
    examples: [
      {
        picture: 'the player left of a box, the target two cells right of it',
        state: { rows: ['#####', '#   #', '#  .#', '#   #', '#####'], at: 11, boxes: [12], steps: 0, counted: 0 },
        player: 'best',
        answers: ['The player in 12, the box in 22, the target in 32.', 'Yes.', 'Yes.'],
      },
      {
        picture: 'the player above a box, the target right of it',
        state: { rows: ['#####', '#   #', '#  .#', '#   #', '#####'], at: 7, boxes: [12], steps: 0, counted: 0 },
        player: 'naive',
        answers: [
          'The player in 21, the box in 22, the target in 32.',
          'Yes.',
          'No, down pushes the box past its row.',
        ],
      },
    ],
  },
  readState(picture) {
    const letters = Object.keys(GROUNDS);
    const grid = readGrid(picture, Object.values(GROUNDS), [PLAYER, BOX]);
    if (grid === null || !grid.pieces.includes(0)) return null;
    const text = grid.grounds.map((ground) => letters[ground]).join('');
    const rows = Array.from({ length: grid.side }, (_, row) => text.slice(row * grid.side, (row + 1) * grid.side));
    const boxes = grid.pieces.flatMap((piece, cell) => (piece === 1 ? cell : []));
    return { rows, at: grid.pieces.indexOf(0), boxes, steps: 0, counted: 0 } satisfies Sokoban;
  },
} satisfies EnvironmentModule<Options>;
