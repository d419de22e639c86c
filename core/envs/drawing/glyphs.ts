/** The project's own letters and suit shapes as bitmaps: the same pixels on every machine. */

/** Rows of `#` (ink) and other characters (paper), five wide and seven high. */
const LETTERS: Readonly<Record<string, string>> = {
  '0': '.###. #...# #..## #.#.# ##..# #...# .###.',
  '1': '..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.',
  '2': '.###. #...# ....# ...#. ..#.. .#... #####',
  '3': '##### ...#. ..#.. ...#. ....# #...# .###.',
  '4': '...#. ..##. .#.#. #..#. ##### ...#. ...#.',
  '5': '##### #.... ####. ....# ....# #...# .###.',
  '6': '..##. .#... #.... ####. #...# #...# .###.',
  '7': '##### ....# ...#. ..#.. .#... .#... .#...',
  '8': '.###. #...# #...# .###. #...# #...# .###.',
  '9': '.###. #...# #...# .#### ....# ...#. .##..',
  A: '.###. #...# #...# ##### #...# #...# #...#',
  J: '..### ...#. ...#. ...#. ...#. #..#. .##..',
  Q: '.###. #...# #...# #...# #.#.# #..#. .##.#',
  K: '#...# #..#. #.#.. ##... #.#.. #..#. #...#',
  C: '.###. #...# #.... #.... #.... #...# .###.',
  D: '####. #...# #...# #...# #...# #...# ####.',
  P: '####. #...# #...# ####. #.... #.... #....',
  T: '##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..',
  a: '..... ..... .###. ....# .#### #...# .####',
  e: '..... ..... .###. #...# ##### #.... .###.',
  g: '..... .#### #...# #...# .#### ....# .###.',
  l: '.##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###.',
  n: '..... ..... #.##. ##..# #...# #...# #...#',
  r: '..... ..... #.##. ##..# #.... #.... #....',
  t: '.#... .#... ###.. .#... .#... .#..# ..##.',
  u: '..... ..... #...# #...# #...# #..## .##.#',
  y: '..... #...# #...# #...# .#### ....# .###.',
  ':': '..... .##.. .##.. ..... .##.. .##.. .....',
  '+': '..... ..#.. ..#.. ##### ..#.. ..#.. .....',
  '-': '..... ..... ..... ##### ..... ..... .....',
  '*': '..... ..#.. #.#.# .###. #.#.# ..#.. .....',
  '/': '....# ....# ...#. ..#.. .#... #.... #....',
  '(': '...#. ..#.. .#... .#... .#... ..#.. ...#.',
  ')': '.#... ..#.. ...#. ...#. ...#. ..#.. .#...',
  '=': '..... ..... ##### ..... ##### ..... .....',
  ' ': '..... ..... ..... ..... ..... ..... .....',
};

const SUITS: Readonly<Record<string, string>> = {
  H: '.##.##. ####### ####### ####### .#####. ..###.. ...#...',
  D: '...#... ..###.. .#####. ####### .#####. ..###.. ...#...',
  S: '...#... ..###.. .#####. ####### ####### ..###.. .#####.',
  C: '..###.. ..###.. ####### ####### ##.#.## ...#... ..###..',
};

/** A bitmap: `rows[y][x]` says whether there is ink. */
export type Glyph = { readonly width: number; readonly height: number; readonly rows: readonly (readonly boolean[])[] };

const parse = (text: string): Glyph => {
  const rows = text.split(' ').map((row) => [...row].map((character) => character === '#'));
  return { width: rows[0].length, height: rows.length, rows };
};

const letterGlyphs = new Map(Object.entries(LETTERS).map(([name, text]) => [name, parse(text)]));
const suitGlyphs = new Map(Object.entries(SUITS).map(([name, text]) => [name, parse(text)]));

/** The 10 of a narrow card, as wide as one letter. */
export const narrowTen: Glyph = parse('#.### #.#.# #.#.# #.#.# #.#.# #.#.# #.###');

/** The glyph of a character; an unknown one is an error of the caller. */
export function letterGlyph(character: string): Glyph {
  return known(letterGlyphs, character);
}

/** The shape of a suit: H, D, S or C. */
export function suitGlyph(suit: string): Glyph {
  return known(suitGlyphs, suit);
}

function known(glyphs: ReadonlyMap<string, Glyph>, name: string): Glyph {
  const glyph = glyphs.get(name);
  if (glyph === undefined) throw new RangeError(`there is no glyph for "${name}"`);
  return glyph;
}
