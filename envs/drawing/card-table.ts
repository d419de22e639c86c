/** Cards on felt with the formula below, for people (300 px) and for small vision towers (64 px). */
import type { RgbImage } from '../env.ts';
import { Canvas, type Colour, LETTER_PITCH, WHITE } from './canvas.ts';
import { suitGlyph } from './glyphs.ts';

const FELT: Colour = [0x35, 0x65, 0x4d];
const RED: Colour = [200, 0, 0];
const INK: Colour = [0, 0, 0];

/** Below this size a scene is drawn for a small vision tower: one card a column, large rank and suit. */
const SMALL = 128;

/** Rank as drawn: `T` is written 10. */
function rankText(card: string): string {
  const rank = card.slice(1);
  return rank === 'T' ? '10' : rank;
}

/** The table of a card game; cards are suit letter + rank. */
export function drawCardTable(cards: readonly string[], formula: string, size: number): RgbImage {
  const canvas = new Canvas(size, size, FELT);
  if (size < SMALL) drawColumns(canvas, cards);
  else drawTable(canvas, cards, formula);
  return canvas.toImage();
}

/** spec.md section 6: width int(300 / n * 0.9), height 7/5 of it, x = 5 + int(i * width * 1.1), vertically centred, formula below. */
function drawTable(canvas: Canvas, cards: readonly string[], formula: string): void {
  const width = Math.floor((canvas.width / cards.length) * 0.9);
  const height = Math.floor((width * 7) / 5);
  const top = Math.floor((canvas.height - height) / 2);
  for (const [index, card] of cards.entries()) drawCard(canvas, card, 5 + Math.floor(index * width * 1.1), top, width, height);
  const scale = Math.max(1, Math.min(3, Math.floor((canvas.width - 10) / (LETTER_PITCH * Math.max(1, formula.length)))));
  canvas.text(formula, 5, top + height + Math.floor((canvas.height - top - height - 7 * scale) / 2), scale, WHITE);
}

function drawCard(canvas: Canvas, card: string, x: number, y: number, width: number, height: number): void {
  const colour = suitColour(card);
  const rank = rankText(card);
  canvas.fill(x, y, width, height, [90, 90, 90]);
  canvas.fill(x + 1, y + 1, width - 2, height - 2, WHITE);
  const letter = Math.max(1, Math.floor(width / 16));
  canvas.text(rank, x + Math.floor((width - (rank.length * LETTER_PITCH - 1) * letter) / 2), y + Math.floor(height / 9), letter, colour);
  const shape = Math.max(1, Math.floor(width / 12));
  canvas.glyph(suitGlyph(card[0]), x + Math.floor((width - 7 * shape) / 2), y + Math.floor(height / 2), shape, colour);
}

/** A column of `size / 4` pixels for each card: the rank in its uppermost square, where one patch of a small tower sees it whole, the suit below. */
function drawColumns(canvas: Canvas, cards: readonly string[]): void {
  const pitch = Math.floor(canvas.width / 4);
  const unit = Math.max(1, Math.floor(pitch / 16));
  for (const [index, card] of cards.entries()) {
    const x = index * pitch;
    const rank = rankText(card);
    canvas.fill(x + unit, unit, pitch - 2 * unit, canvas.height - 2 * unit, WHITE);
    // Two characters fit only narrowly: 10 is drawn with its letters close together.
    const step = rank.length === 1 ? 12 * unit : 7 * unit;
    const scale = rank.length === 1 ? 2 * unit : unit;
    const left = x + Math.floor((pitch - ((rank.length - 1) * step + 5 * scale)) / 2);
    for (const [position, character] of [...rank].entries()) canvas.text(character, left + position * step, 2 * unit, scale, suitColour(card));
    canvas.glyph(suitGlyph(card[0]), x + Math.floor((pitch - 7 * unit) / 2), 36 * unit, unit, suitColour(card));
  }
}

function suitColour(card: string): Colour {
  return card[0] === 'H' || card[0] === 'D' ? RED : INK;
}
