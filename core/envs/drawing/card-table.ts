/** Cards on felt with the formula below, for people (300 px) and for small vision towers (64 px). */
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { Canvas, LETTER_PITCH, WHITE } from './canvas.ts';
import { drawCard, drawSmallCard, FELT } from './card.ts';
import { drawnOnce } from './recent-scenes.ts';

/** Below this size a scene is drawn for a small vision tower: one card a column, large rank and suit. */
export const SMALL = 128;

/**
 * The table of a card game; cards are suit letter + rank. `faces`: folder of card pictures, which are always laid out
 * as for people.
 */
export function drawCardTable(
  cards: readonly string[],
  formula: string,
  size: number,
  faces: string | null = null,
): RgbImage {
  const isSmall = size < SMALL && faces === null;
  return drawnOnce(['cards', size, ...cards, ...(isSmall ? [] : [formula, faces])].join('\n'), () => {
    const canvas = new Canvas(size, size, FELT);
    if (isSmall) drawColumns(canvas, cards);
    else drawTable(canvas, cards, formula, faces);
    return canvas.toImage();
  });
}

/**
 * spec.md section 6: width int(300 / n * 0.9), height 7/5 of it, x = 5 + int(i * width * 1.1), vertically centred,
 * formula below.
 */
function drawTable(canvas: Canvas, cards: readonly string[], formula: string, faces: string | null): void {
  const width = Math.floor((canvas.width / cards.length) * 0.9);
  const height = Math.floor((width * 7) / 5);
  const top = Math.floor((canvas.height - height) / 2);
  for (const [index, card] of cards.entries())
    drawCard(canvas, card, { x: 5 + Math.floor(index * width * 1.1), y: top, width, height }, faces);
  const scale = Math.max(
    1,
    Math.min(3, Math.floor((canvas.width - 10) / (LETTER_PITCH * Math.max(1, formula.length)))),
  );
  canvas.text(formula, 5, top + height + Math.floor((canvas.height - top - height - 7 * scale) / 2), scale, WHITE);
}

/** A column of `size / 4` pixels for each card. */
function drawColumns(canvas: Canvas, cards: readonly string[]): void {
  const pitch = Math.floor(canvas.width / 4);
  for (const [index, card] of cards.entries())
    drawSmallCard(canvas, card, { x: index * pitch, y: 0, width: pitch, height: canvas.height });
}
