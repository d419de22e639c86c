/**
 * Sokoban rooms as gym-sokoban makes them: a random walk clears the floor, targets and player are placed, and boxes are
 * pulled away from their targets, so that each room has a solution.
 */
import type { RandomStream } from 'durable-gtr/environment';
import { beside, type Move, MOVE_NAMES, MOVES } from './grid.ts';
import { isFree, OPPOSITE, type Pieces, type Room, sorted } from './sokoban-rules.ts';

/** Cells that a step of the walk clears, relative to its position: [column, row]. */
const BRUSHES: readonly (readonly (readonly [number, number])[])[] = [
  [[-1, 0], [0, 0], [1, 0]],
  [[0, -1], [0, 0], [0, 1]],
  [[-1, 0], [0, 0], [0, 1]],
  [[-1, 0], [0, 0], [-1, 1], [0, 1]],
  [[0, 0], [1, 0], [0, 1]],
]; // prettier-ignore
const TURNS = 0.35;
/** Steps of the walk per cell of width and height. */
const WALK = 1.7;
/** The most states and moves in the search for places to pull boxes to. */
const MOST_STATES = 20_000;
const LONGEST_WAY = 300;

/** A room with a solution in which every target is free at the start. */
export function makeRoom(random: RandomStream, { size, boxes }: { size: number; boxes: number }): Room & Pieces {
  for (;;) {
    const floor = walk(random, size);
    if (floor.length <= boxes + 1) continue;
    const [at, ...others] = random.shuffled(floor);
    const targets = others.slice(0, boxes);
    const rows = Array.from({ length: size }, (_, row) =>
      Array.from({ length: size }, (__, column) => {
        const cell = row * size + column;
        return targets.includes(cell) ? '.' : floor.includes(cell) ? ' ' : '#';
      }).join(''),
    );
    const best = pullAway({ rows }, at, targets);
    if (best !== null) return { rows, ...best };
  }
}

function walk(random: RandomStream, size: number): number[] {
  let direction: Move = random.pick(MOVE_NAMES);
  const within = (value: number) => Math.max(Math.min(value, size - 2), 1);
  let [x, y] = [1 + random.below(size - 1), 1 + random.below(size - 1)];
  const floor = new Set<number>();
  for (let step = 0; step < Math.floor(WALK * 2 * size); step++) {
    if (random.uniform() < TURNS) direction = random.pick(MOVE_NAMES);
    [x, y] = [within(x + MOVES[direction][0]), within(y + MOVES[direction][1])];
    for (const [dx, dy] of random.pick(BRUSHES)) {
      const [column, row] = [x + dx, y + dy];
      if (column === within(column) && row === within(row)) floor.add(row * size + column);
    }
  }
  return sorted([...floor]);
}

/**
 * Depth-first search over pulls and moves from the solved room; the best state has the largest product of pulls and
 * distances of boxes from their targets. Null if every state has a box on a target.
 */
function pullAway({ rows }: Room, start: number, targets: readonly number[]): Pieces | null {
  const side = rows.length;
  const distance = (one: number, other: number) =>
    Math.abs((one % side) - (other % side)) + Math.abs(Math.floor(one / side) - Math.floor(other / side));
  const seen = new Set<string>();
  let [best, most]: [Pieces | null, number] = [null, 0];
  /** `boxes[i]` began on `targets[i]`. */
  const visit = (at: number, boxes: readonly number[], pulls: number, left: number): void => {
    const name = `${at} ${sorted(boxes).join(' ')}`;
    if (left === 0 || seen.size >= MOST_STATES || seen.has(name)) return;
    seen.add(name);
    const free = !boxes.some((box) => targets.includes(box)) && !targets.includes(at);
    const score = free ? pulls * boxes.reduce((sum, box, index) => sum + distance(box, targets[index]), 0) : 0;
    if (score > most) [best, most] = [{ at, boxes: sorted(boxes) }, score];
    for (const pull of [true, false])
      for (const move of MOVE_NAMES) {
        const to = beside(side, at, move);
        if (to === null || !isFree({ rows }, to) || boxes.includes(to)) continue;
        const behind = beside(side, at, OPPOSITE[move]);
        const takes = pull && behind !== null && boxes.includes(behind);
        const moved = takes ? boxes.map((box) => (box === behind ? at : box)) : boxes;
        visit(to, moved, pulls + (takes ? 1 : 0), left - 1);
      }
  };
  visit(start, targets, 0, LONGEST_WAY);
  return best;
}
