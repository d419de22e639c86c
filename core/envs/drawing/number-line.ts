/** The target and the current number as black text on white. */
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { BLACK, Canvas, WHITE } from './canvas.ts';
import { SMALL } from './card-table.ts';
import { drawnOnce } from './recent-scenes.ts';

export function drawNumberLine(target: number, current: number, size: number): RgbImage {
  return drawnOnce(['numbers', size, target, current].join('\n'), () => drawLines(target, current, size));
}

function drawLines(target: number, current: number, size: number): RgbImage {
  const canvas = new Canvas(size, size, WHITE);
  const rows = [
    ['Target', target],
    ['Current', current],
  ] as const;
  for (const [row, [title, number]] of rows.entries()) {
    if (size < SMALL) drawSmallRow(canvas, title, number, row);
    else {
      // At 300 pixels the lines are at 60 and 180.
      const unit = Math.floor(size / 75);
      canvas.text(
        `${title}: ${number}`,
        Math.floor(size / 10),
        Math.floor((size * (60 + 120 * row)) / 300),
        unit,
        BLACK,
      );
    }
  }
  return canvas.toImage();
}

/**
 * The word in the upper quarter of each half, the number below it twice as large, each digit inside one 16 px patch of
 * a 64 px image.
 */
function drawSmallRow(canvas: Canvas, title: string, number: number, row: number): void {
  const quarter = Math.floor(canvas.height / 4);
  const unit = Math.max(1, Math.floor(canvas.width / 64));
  canvas.text(title, 3 * unit, 2 * row * quarter + 6 * unit, unit, BLACK);
  for (const [position, digit] of [...String(number)].entries())
    canvas.text(digit, (3 + 16 * position) * unit, (2 * row + 1) * quarter + unit, 2 * unit, BLACK);
}
