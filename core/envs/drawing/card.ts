/** One playing card on a canvas: drawn, or from a folder of faces. */
import { rankName } from '../card.ts';
import { type Canvas, LETTER_PITCH, WHITE } from './canvas.ts';
import type { Colour } from '../../pictures/rgb-image.ts';
import { CARD_BACK, cardFace } from './card-faces.ts';
import { letterGlyph, narrowTen, suitGlyph } from './glyphs.ts';

/** The table. */
export const FELT: Colour = [0x35, 0x65, 0x4d];
const RED: Colour = [200, 0, 0];
const INK: Colour = [0, 0, 0];
const EDGE: Colour = [90, 90, 90];
const BACK: Colour = [40, 60, 140];
const BACK_LIGHT: Colour = [110, 130, 200];

/** A rectangle in pixels. */
export type Box = { x: number; y: number; width: number; height: number };

/** A card large enough for people: rank above, suit below. `card` may be `CARD_BACK`. */
export function drawCard(canvas: Canvas, card: string, box: Box, faces: string | null): void {
  const { x, y, width, height } = box;
  if (faces !== null) return canvas.image(cardFace(faces, card, width, height, FELT), x, y);
  canvas.fill(x, y, width, height, EDGE);
  canvas.fill(x + 1, y + 1, width - 2, height - 2, WHITE);
  if (card === CARD_BACK) return drawBack(canvas, box, Math.max(1, Math.floor(width / 16)));
  const colour = suitColour(card);
  const rank = rankName(card);
  const letter = Math.max(1, Math.floor(width / 16));
  canvas.text(
    rank,
    x + Math.floor((width - (rank.length * LETTER_PITCH - 1) * letter) / 2),
    y + Math.floor(height / 9),
    letter,
    colour,
  );
  const shape = Math.max(1, Math.floor(width / 12));
  canvas.glyph(suitGlyph(card[0]), x + Math.floor((width - 7 * shape) / 2), y + Math.floor(height / 2), shape, colour);
}

/**
 * A card for small vision towers: the rank in its top square, so that one patch sees it whole, and below it the suit,
 * if there is room.
 */
export function drawSmallCard(canvas: Canvas, card: string, { x, y, width, height }: Box): void {
  const unit = Math.max(1, Math.floor(width / 16));
  const edge = width > 8 ? unit : 0;
  const paper = { x: x + edge, y: y + unit, width: width - 2 * edge, height: height - 2 * unit };
  canvas.fill(paper.x, paper.y, paper.width, paper.height, WHITE);
  if (card === CARD_BACK) return drawBack(canvas, paper, unit);
  const rank = rankName(card);
  const colour = suitColour(card);
  if (width < 16)
    return canvas.glyph(
      rank === '10' ? narrowTen : letterGlyph(rank),
      x + Math.floor((width - 5) / 2),
      y + 4,
      1,
      colour,
    );
  const hasSuit = height >= 24 * unit;
  // Two characters fit only narrowly: 10 is drawn with its letters close together.
  const step = rank.length === 1 ? 12 * unit : 7 * unit;
  const scale = rank.length === 1 ? 2 * unit : unit;
  const left = x + Math.floor((width - ((rank.length - 1) * step + 5 * scale)) / 2);
  for (const [position, character] of [...rank].entries())
    canvas.text(character, left + position * step, y + (hasSuit ? 2 : 1) * unit, scale, colour);
  if (hasSuit)
    canvas.glyph(
      suitGlyph(card[0]),
      x + Math.floor((width - 7 * unit) / 2),
      y + Math.floor((height * 9) / 16),
      unit,
      colour,
    );
}

function drawBack(canvas: Canvas, { x, y, width, height }: Box, unit: number): void {
  for (let top = unit; top + unit < height; top += unit) {
    for (let left = unit; left + unit < width; left += unit)
      canvas.fill(x + left, y + top, unit, unit, ((left + top) / unit) % 2 === 0 ? BACK : BACK_LIGHT);
  }
}

function suitColour(card: string): Colour {
  return card[0] === 'H' || card[0] === 'D' ? RED : INK;
}
