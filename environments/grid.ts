/** Games on square grids: moves, drawing cells, and reading drawn cells back. */
import { Canvas, type Colour, type RgbImage } from 'durable-gtr/environment';

export const MOVES = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] } as const;
export type Move = keyof typeof MOVES;
export const MOVE_NAMES = Object.keys(MOVES) as Move[];

/** The cell beside `cell` in a square of `side` x `side` cells; null outside. */
export function beside(side: number, cell: number, move: Move): number | null {
  const [x, y] = [(cell % side) + MOVES[move][0], Math.floor(cell / side) + MOVES[move][1]];
  return x < 0 || y < 0 || x >= side || y >= side ? null : y * side + x;
}

/** A cell's name: its column's and its row's digit, from 0 at the upper left. */
export function digits(side: number, cell: number): string {
  return `${cell % side}${Math.floor(cell / side)}`;
}

/** The scene: the ground of each cell, and what stands on it (null: nothing). */
export type Scene = { side: number; ground(cell: number): Colour; piece(cell: number): Colour | null };

const LINE: Colour = [128, 128, 128];

/** Cells of whole pixels, each with a line at its left and upper edge; pieces are in the middle of their cell. */
export function drawGrid({ side, ground, piece }: Scene, size: number): RgbImage {
  const canvas = new Canvas(size, size, LINE);
  const cell = Math.floor(size / side);
  const margin = Math.max(2, Math.floor(cell / 6));
  for (let place = 0; place < side * side; place++) {
    const [x, y] = [(place % side) * cell, Math.floor(place / side) * cell];
    canvas.fill(x + 1, y + 1, cell - 1, cell - 1, ground(place));
    const colour = piece(place);
    if (colour !== null) canvas.fill(x + margin, y + margin, cell - 2 * margin, cell - 2 * margin, colour);
  }
  return canvas.toImage();
}

const LARGEST_SIDE = 10;

/** The colours of a drawn grid, as indices in `grounds` and `pieces` (-1: none); null if it is not one. */
export function readGrid(
  { width, height, data }: RgbImage,
  grounds: readonly Colour[],
  pieces: readonly Colour[],
): { side: number; grounds: number[]; pieces: number[] } | null {
  const isAt = (x: number, y: number, colour: Colour) =>
    colour.every((value, channel) => Math.abs(value - data[(y * width + x) * 3 + channel]) < 25);
  for (let side = LARGEST_SIDE; side >= 2; side--) {
    const cell = Math.floor(width / side);
    if (width !== height || cell < 4) continue;
    // Just inside a cell: neither its line nor its piece.
    const inside = Math.max(1, Math.floor(cell / 12));
    const corners = Array.from({ length: side * side }, (_, place) => [
      (place % side) * cell,
      Math.floor(place / side) * cell,
    ]);
    // Edges of every cell have the line's colour; those of a grid with fewer cells do too, so the most cells win.
    if (!corners.every(([x, y]) => isAt(x, y + inside, LINE))) continue;
    const find = (colours: readonly Colour[], into: number) =>
      corners.map(([x, y]) => colours.findIndex((colour) => isAt(x + into, y + into, colour)));
    const read = { side, grounds: find(grounds, inside), pieces: find(pieces, cell >> 1) };
    if (!read.grounds.includes(-1)) return read;
  }
  return null;
}

/** The part of a corrector prompt's `system` after the description of the game. */
export const HOW_TO_ANSWER = [
  'Answer these questions about the thought:\n{questions}',
  'A thought is one JSON object of exactly this form. Words in braces stand for what they name; all ' +
    'other words stay as they are:\n{form}\n{words}',
  'Answer as JSON. "answers" holds one short text per question, in their order. "evaluation" is "yes" if ' +
    'the thought is right in every respect, else "no"; "correction" is then the thought that the agent ' +
    'should have had.',
  '{examples}',
];

/** A corrector prompt's `request`. */
export const REQUEST = ['The thought: {thought}', 'The action that it took on it: {action}'];
