/** Narrow letters for names in pictures: three dots wide, five high. */
import type { Canvas } from '../drawing/canvas.ts';
import type { Colour } from '../../pictures/rgb-image.ts';
import type { Glyph } from '../drawing/glyphs.ts';

/** Rows from top to bottom, three dots each. */
const ROWS: Readonly<Record<string, string>> = {
  a: '.#. #.# ### #.# #.#',
  b: '##. #.# ##. #.# ##.',
  c: '.## #.. #.. #.. .##',
  d: '##. #.# #.# #.# ##.',
  e: '### #.. ##. #.. ###',
  f: '### #.. ##. #.. #..',
  g: '.## #.. #.# #.# .##',
  h: '#.# #.# ### #.# #.#',
  i: '### .#. .#. .#. ###',
  j: '..# ..# ..# #.# .#.',
  k: '#.# #.# ##. #.# #.#',
  l: '#.. #.. #.. #.. ###',
  m: '#.# ### ### #.# #.#',
  n: '##. #.# #.# #.# #.#',
  o: '.#. #.# #.# #.# .#.',
  p: '##. #.# ##. #.. #..',
  q: '.#. #.# #.# .#. ..#',
  r: '##. #.# ##. #.# #.#',
  s: '.## #.. .#. ..# ##.',
  t: '### .#. .#. .#. .#.',
  u: '#.# #.# #.# #.# ###',
  v: '#.# #.# #.# #.# .#.',
  w: '#.# #.# ### ### #.#',
  x: '#.# #.# .#. #.# #.#',
  y: '#.# #.# .#. .#. .#.',
  z: '### ..# .#. #.. ###',
  0: '### #.# #.# #.# ###',
  1: '.#. ##. .#. .#. ###',
  2: '##. ..# .#. #.. ###',
  3: '##. ..# .#. ..# ##.',
  4: '#.# #.# ### ..# ..#',
  5: '### #.. ##. ..# ##.',
  6: '.## #.. ### #.# ###',
  7: '### ..# ..# .#. .#.',
  8: '### #.# ### #.# ###',
  9: '### #.# ### ..# ##.',
};

const PITCH = 4;

const GLYPHS = new Map(
  Object.entries(ROWS).map(([letter, text]): [string, Glyph] => [
    letter,
    { width: 3, height: 5, rows: text.split(' ').map((row) => [...row].map((dot) => dot === '#')) },
  ]),
);

/**
 * Writes a name such as `stoveburner 2` in at most `width` pixels; a long one loses letters before its number.
 * Characters without a shape stay blank.
 */
export function smallName(
  canvas: Canvas,
  name: string,
  x: number,
  y: number,
  width: number,
  scale: number,
  colour: Colour,
): void {
  const room = Math.floor((width + scale) / (PITCH * scale));
  const number = /( \d+)?$/.exec(name)![0];
  const text = name.length <= room ? name : name.slice(0, Math.max(0, room - number.length)) + number;
  for (const [i, letter] of [...text].entries()) {
    const glyph = GLYPHS.get(letter);
    if (glyph) canvas.glyph(glyph, x + i * PITCH * scale, y, scale, colour);
  }
}
