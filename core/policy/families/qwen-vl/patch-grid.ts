/**
 * Positions of a picture's patches and cells. Patches come cell by cell: cells row by row, then the patches of a cell.
 */
import type { Grid, PromptPositions } from '../model-family.ts';

/** Patch rows and columns in the order of the patches. */
export function patchCoordinates([rows, columns]: Grid, merge: number): { rows: Int32Array; columns: Int32Array } {
  const coordinates = { rows: new Int32Array(rows * columns), columns: new Int32Array(rows * columns) };
  const cellColumns = columns / merge;
  for (let patch = 0; patch < rows * columns; patch++) {
    const cell = Math.floor(patch / merge ** 2);
    const inside = patch % merge ** 2;
    coordinates.rows[patch] = Math.floor(cell / cellColumns) * merge + Math.floor(inside / merge);
    coordinates.columns[patch] = (cell % cellColumns) * merge + (inside % merge);
  }
  return coordinates;
}

/** Image tokens: cells. */
export function cells([rows, columns]: Grid, merge: number): number {
  return (rows * columns) / merge ** 2;
}

/**
 * Text counts up on all axes. An image that starts at p has (p, p + row, p + column) over its cells; the next token's
 * position is p + the longer side.
 */
export function gridPositions(
  promptIds: readonly number[],
  imageTokenId: number,
  [rows, columns]: Grid,
  merge: number,
): PromptPositions {
  const axes = [0, 1, 2].map(() => new Int32Array(promptIds.length));
  const [cellRows, cellColumns] = [rows / merge, columns / merge];
  let [next, shown, start] = [0, 0, 0];
  for (const [index, id] of promptIds.entries()) {
    if (id !== imageTokenId) {
      for (const axis of axes) axis[index] = next;
      next++;
      continue;
    }
    if (shown === 0) start = next;
    axes[0][index] = start;
    axes[1][index] = start + Math.floor(shown / cellColumns);
    axes[2][index] = start + (shown % cellColumns);
    if (++shown === cellRows * cellColumns) next = start + Math.max(cellRows, cellColumns);
  }
  return { axes, next };
}
