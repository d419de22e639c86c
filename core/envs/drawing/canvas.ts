/** A plain RGB raster with rectangles and bitmap text: no platform code, so every machine draws the same bytes. */
import type { Colour, RgbImage } from '../../pictures/rgb-image.ts';
import { type Glyph, letterGlyph } from './glyphs.ts';

export const BLACK: Colour = [0, 0, 0];
export const WHITE: Colour = [255, 255, 255];

export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;

  constructor(width: number, height: number, background: Colour) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height * 3);
    this.fill(0, 0, width, height, background);
  }

  /** Fills a rectangle, clipped to the canvas. */
  fill(x: number, y: number, width: number, height: number, colour: Colour): void {
    const [left, right] = [Math.max(0, x), Math.min(this.width, x + width)];
    const [top, bottom] = [Math.max(0, y), Math.min(this.height, y + height)];
    if (left >= right || top >= bottom) return;
    const [red, green, blue] = colour;
    const [start, end] = [(top * this.width + left) * 3, (top * this.width + right) * 3];
    for (let at = start; at < end; at += 3) {
      this.data[at] = red;
      this.data[at + 1] = green;
      this.data[at + 2] = blue;
    }
    // The other rows copy the first.
    for (let row = top + 1; row < bottom; row++) this.data.copyWithin((row * this.width + left) * 3, start, end);
  }

  /** Draws a glyph with each of its dots as a square of `scale` pixels. */
  glyph({ rows }: Glyph, x: number, y: number, scale: number, colour: Colour): void {
    for (const [row, dots] of rows.entries()) {
      for (const [column, ink] of dots.entries())
        if (ink) this.fill(x + column * scale, y + row * scale, scale, scale, colour);
    }
  }

  /** Draws text; letters stand `6 * scale` pixels apart. Returns the x after the last one. */
  text(text: string, x: number, y: number, scale: number, colour: Colour): number {
    let position = x;
    for (const character of text) {
      this.glyph(letterGlyph(character), position, y, scale, colour);
      position += LETTER_PITCH * scale;
    }
    return position;
  }

  /** Copies an image, clipped to the canvas. */
  image({ width, height, data }: RgbImage, x: number, y: number): void {
    for (let row = 0; row < Math.min(height, this.height - y); row++) {
      const length = Math.min(width, this.width - x) * 3;
      this.data.set(data.subarray(row * width * 3, row * width * 3 + length), ((y + row) * this.width + x) * 3);
    }
  }

  toImage(): RgbImage {
    return { width: this.width, height: this.height, data: this.data };
  }
}

/** Dots from one letter to the next. */
export const LETTER_PITCH = 6;
