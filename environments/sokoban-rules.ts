/** Sokoban's moves, and their number to the solution. */
import { beside, type Move, MOVE_NAMES } from './grid.ts';

/** The fixed parts: `#` wall, `.` target, blank floor; a row of text each, walls all around. */
export type Room = { rows: string[] };
/** `boxes`: their cells in rising order; `counted`: boxes on targets that rewards have counted. */
export type Sokoban = Room & { at: number; boxes: number[]; steps: number; counted: number };
export type Pieces = Pick<Sokoban, 'at' | 'boxes'>;

/** Whether a cell is not a wall. */
export function isFree({ rows }: Room, cell: number): boolean {
  return rows[Math.floor(cell / rows.length)][cell % rows.length] !== '#';
}

/** A move. Pushes a box in its way if the box can be pushed; into a wall or another box, nothing changes. */
export function afterMove({ rows, at, boxes }: Room & Pieces, move: Move): Pieces {
  const to = beside(rows.length, at, move);
  if (to === null || !isFree({ rows }, to)) return { at, boxes };
  if (!boxes.includes(to)) return { at: to, boxes };
  const beyond = beside(rows.length, to, move);
  if (beyond === null || !isFree({ rows }, beyond) || boxes.includes(beyond)) return { at, boxes };
  return { at: to, boxes: sorted(boxes.map((box) => (box === to ? beyond : box))) };
}

export function sorted(cells: readonly number[]): number[] {
  return [...cells].sort((one, other) => one - other);
}

const nameOf = ({ at, boxes }: Pieces) => [at, ...boxes].reduce((code, cell) => code * 128 + cell, 0);

/** Number of moves to the solution for every solvable state of a room, by name. */
const known = new Map<string, Map<number, number>>();
const KEPT_ROOMS = 64;

/** Moves of a shortest solution; Infinity if there is none. */
export function distanceOf(now: Room & Pieces): number {
  const room = `${now.boxes.length} ${now.rows.join()}`;
  let distances = known.get(room);
  if (distances === undefined) {
    if (known.size >= KEPT_ROOMS) known.delete(known.keys().next().value!);
    known.set(room, (distances = solve(now)));
  }
  return distances.get(nameOf(now)) ?? Infinity;
}

/** From all solved states backwards, a move at a time. */
function solve({ rows }: Room): Map<number, number> {
  const side = rows.length;
  const cells = Array.from({ length: side * side }, (_, cell) => cell).filter((cell) => isFree({ rows }, cell));
  const targets = cells.filter((cell) => rows[Math.floor(cell / side)][cell % side] === '.');
  const distances = new Map<number, number>();
  let newest: Pieces[] = [];
  const reach = (pieces: Pieces, distance: number, into: Pieces[]) => {
    const name = nameOf(pieces);
    if (distances.has(name)) return;
    distances.set(name, distance);
    into.push(pieces);
  };
  for (const at of cells) if (!targets.includes(at)) reach({ at, boxes: targets }, 0, newest);
  for (let distance = 1; newest.length > 0; distance++) {
    const next: Pieces[] = [];
    for (const { at, boxes } of newest)
      for (const move of MOVE_NAMES) {
        const from = beside(side, at, OPPOSITE[move]);
        if (from === null || !isFree({ rows }, from) || boxes.includes(from)) continue;
        reach({ at: from, boxes }, distance, next);
        const pushed = beside(side, at, move);
        if (pushed !== null && boxes.includes(pushed))
          reach({ at: from, boxes: sorted(boxes.map((box) => (box === pushed ? at : box))) }, distance, next);
      }
    newest = next;
  }
  return distances;
}

export const OPPOSITE: Readonly<Record<Move, Move>> = { up: 'down', down: 'up', left: 'right', right: 'left' };
