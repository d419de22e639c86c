/** A maze in a picture of 4 x 4 cells: go to the green cell, round the walls. An example for docs/environments.md. */
import { Canvas, type Colour, type Environment, type EnvironmentModule, type RgbImage } from 'durable-gtr/environment';

type Maze = { walls: number[]; at: number; goal: number; steps: number };

const SIDE = 4;
const CELLS = SIDE * SIDE;
const MOST_STEPS = 12;
const MOVES: Record<string, [x: number, y: number]> = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] };
// prettier-ignore
const [FLOOR, WALL, PLAYER, GOAL]: Colour[] = [[255, 255, 255], [0, 0, 0], [40, 80, 255], [40, 200, 60]];

/** The cell that a move leads to; null into a wall or out of the maze. */
function neighbour({ walls }: Maze, cell: number, move: string): number | null {
  const [x, y] = [(cell % SIDE) + MOVES[move][0], Math.floor(cell / SIDE) + MOVES[move][1]];
  const next = y * SIDE + x;
  return x < 0 || y < 0 || x >= SIDE || y >= SIDE || walls.includes(next) ? null : next;
}

/** Moves from each cell to the goal; Infinity where no way leads there. */
function distances(maze: Maze): number[] {
  const found = new Array<number>(CELLS).fill(Infinity);
  found[maze.goal] = 0;
  for (const queue = [maze.goal]; queue.length > 0;) {
    const cell = queue.shift()!;
    for (const move of Object.keys(MOVES)) {
      const next = neighbour(maze, cell, move);
      if (next === null || found[next] < Infinity) continue;
      found[next] = found[cell] + 1;
      queue.push(next);
    }
  }
  return found;
}

function play(maze: Maze) {
  let { at, steps } = maze;
  return {
    state: () => ({ ...maze, at, steps }),
    observe(size: number): RgbImage {
      const [canvas, cell] = [new Canvas(size, size, FLOOR), size / SIDE];
      const paint = (place: number, colour: Colour) =>
        canvas.fill((place % SIDE) * cell, Math.floor(place / SIDE) * cell, cell, cell, colour);
      for (const wall of maze.walls) paint(wall, WALL);
      paint(maze.goal, GOAL);
      paint(at, PLAYER);
      return canvas.toImage();
    },
    promptValues: () => ({}),
    legalActions: () => Object.keys(MOVES),
    step(action: string) {
      if (at === maze.goal || steps >= MOST_STEPS) throw new Error('the episode is over');
      if (!(action in MOVES)) throw new RangeError(`"${action}" is not an action`);
      const next = neighbour(maze, at, action);
      at = next ?? at;
      steps++;
      const reward = next === null ? -1 : at === maze.goal ? 1 : 0;
      const stop = at === maze.goal ? ('terminated' as const) : steps >= MOST_STEPS ? ('truncated' as const) : null;
      return { reward, stop };
    },
  };
}

const mazeOf = (environment: Environment) => environment.state() as unknown as Maze;
const place = (cell: number) => `${cell % SIDE}${Math.floor(cell / SIDE)}`;

export default {
  game: {
    name: 'picture-maze',
    start({ random }) {
      for (;;) {
        const [at, goal, ...others] = random.shuffled([...Array(CELLS).keys()]);
        const maze = { walls: others.slice(0, 1 + random.below(2)).sort((a, b) => a - b), at, goal, steps: 0 };
        if (distances(maze)[at] >= 2 && distances(maze)[at] < Infinity) return play(maze);
      }
    },
    fromState: play,
    cut: { reward: -1, formula: () => null },
  },
  prompt: {
    prompt: '<image>_',
    chat: false,
    keys: ['i am at', 'goal', 'thoughts', 'action'],
    thought: { 'i am at': '{at}', goal: '{goal}', thoughts: 'go {next}' },
  },
  expert: {
    percepts: ['at', 'goal'],
    goodActions(environment) {
      const [maze, far] = [mazeOf(environment), distances(mazeOf(environment))];
      return Object.keys(MOVES).filter((move) => far[neighbour(maze, maze.at, move) ?? maze.at] < far[maze.at]);
    },
    /** Sideways first, then up, whatever is there. */
    naiveAction(environment) {
      const { at, goal } = mazeOf(environment);
      const sideways = (goal % SIDE) - (at % SIDE);
      return sideways === 0 ? 'up' : sideways > 0 ? 'right' : 'left';
    },
    words: (environment) => ({ at: place(mazeOf(environment).at), goal: place(mazeOf(environment).goal) }),
  },
  correctorPrompt: {
    system:
      'An agent (blue) walks in a maze of 4 x 4 cells to the green one; black cells are walls. Places are ' +
      'two digits, the column and the row, from 0 at the upper left.\n{questions}\nA thought has exactly ' +
      'this form:\n{form}\n{words}',
    questions: ['Where are the agent and the goal?', 'Is the move that it thinks of on a shortest way?'],
    words: { at: 'place of the agent', goal: 'place of the goal', next: 'up, down, left or right' },
    request: 'The thought: {thought}\nThe action that it took on it: {action}',
  },
  /** For rehearsals only: the middle of each cell shows what it is. */
  readState({ width, height, data }) {
    const colours = Array.from({ length: CELLS }, (_, cell) => {
      const [x, y] = [(cell % SIDE) + 0.5, Math.floor(cell / SIDE) + 0.5].map((middle) => middle / SIDE);
      const pixel = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
      return [FLOOR, WALL, PLAYER, GOAL].find((colour) => colour.every((v, i) => Math.abs(v - data[pixel + i]) < 30));
    });
    const [at, goal] = [colours.indexOf(PLAYER), colours.indexOf(GOAL)];
    const walls = colours.flatMap((colour, cell) => (colour === WALL ? cell : []));
    return at < 0 || goal < 0 ? null : { walls, at, goal, steps: 0 };
  },
} satisfies EnvironmentModule<unknown>;
