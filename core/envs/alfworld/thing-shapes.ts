/** The look of each kind of thing: an eight-by-eight shape and a colour. */
import type { Colour } from '../../pictures/rgb-image.ts';
import type { Glyph } from '../drawing/glyphs.ts';

const SHAPES = {
  fruit: '....#... ..###... .######. ######## ######## ######## .######. ..####..',
  egg: '...##... ..####.. .######. .######. ######## ######## .######. ..####..',
  leaf: '.#..#.#. ######## .######. ######## ######## .######. ..####.. ...##...',
  loaf: '........ .######. ######## ######## .######. .######. .######. .######.',
  mug: '........ ######.. ######## ######.# ######.# ######## ######.. .####...',
  cup: '######## .######. .######. .######. ..####.. ..####.. ..####.. .######.',
  bowl: '........ ........ ######## ######## .######. .######. ..####.. ..####..',
  plate: '........ ........ ........ ######## ######## .######. ........ ........',
  pan: '........ ........ ######.. ######## ######## .####... ........ ........',
  pot: '..####.. ######## #.####.# ######## .######. .######. .######. .######.',
  kettle: '...##... .######. .#....#. .######. ######## #.###### ..###### ..#####.',
  bottle: '...##... ...##... ...##... ..####.. .######. .######. .######. .######.',
  shaker: '..####.. ..#.##.. ..####.. .######. .######. .######. .######. .######.',
  spray: '####.... #.###... ...##... ..####.. .######. .######. .######. .######.',
  blade: '......## .....### ....###. ...###.. ..###... .###.... ##...... ##......',
  fork: '#.#.#... #.#.#... #.#.#... .###.... ..#..... ..#..... ..#..... ..#.....',
  spoon: '.##..... ####.... ####.... .##..... .##..... .##..... .##..... .##.....',
  turner: '#######. #.#.#.#. #######. ...#.... ...#.... ...#.... ...#.... ...#....',
  ladle: '......#. ......#. ......#. ......#. ####..#. ######## ####.... .##.....',
  cloth: '######## #.####.# ######## ###..### ######## #.####.# ######## #......#',
  cushion: '##....## ######## .######. .######. .######. .######. ######## ##....##',
  block: '........ ........ ######## ######## ######## ######## ........ ........',
  box: '######## #......# ######## ###..### ######## ######## ######## ########',
  book: '.####### ##...... #.###### #.###### #.###### #.###### ######## .#######',
  sheet: '#######. #.....## #.###.## #.....#. #.###.#. #.....#. #.###.#. #######.',
  disc: '..####.. .######. ######## ###..### ###..### ######## .######. ..####..',
  ball: '..####.. .##.###. ##.#.### #.##.##. ######## ##.##.## .######. ..####..',
  phone: '.######. .#....#. .#....#. .#....#. .#....#. .######. .##..##. .######.',
  remote: '..####.. ..#..#.. ..####.. ..#..#.. ..####.. ..#..#.. ..####.. ..####..',
  card: '........ ######## ........ ######## ####..## ######## ######## ........',
  laptop: '.######. .#....#. .#....#. .#....#. .######. ######## ######## ........',
  clock: '##....## .######. ##.#..## #..#...# #..###.# ##....## .######. ##....##',
  watch: '..####.. ..####.. .######. ##.#..## ##.##.## .######. ..####.. ..####..',
  key: '.###.... #...#... #...#... .###.... ..#..... ..##.... ..#..... ..##....',
  stick: '......## .....##. ....##.. ...##... ..##.... .##..... ##...... #.......',
  bat: '.....### ....#### ....#### ...####. ..###... .##..... ##...... #.......',
  racket: '..####.. .#.#.##. ##.#.#.# #.#.#.## .####.#. ..####.. ...##... ...##...',
  candle: '...#.... ...##... ...##... ..####.. ..####.. ..####.. ..####.. .######.',
  roll: '.######. ###..### ###..### .######. .######. .######. .######. .######.',
  tissues: '...#.#.. ..####.. ..####.. ######## ######## ######## ######## ########',
  vase: '.##..##. ..####.. ..####.. .######. ######## ######## .######. ..####..',
  figure: '..####.. ..####.. ...##... .######. #.####.# ..####.. ..#..#.. .######.',
  can: '.####... #....#.. .####..# .#####.# .######. .####... .####... .####...',
  lamp: '..####.. .######. ######## ...##... ...##... ...##... ...##... .######.',
  plant: '.#.##.#. ##.##.## .######. ...##... .######. .######. ..####.. ..####..',
  unknown: '..####.. .##..##. .....##. ....##.. ...##... ...##... ........ ...##...',
} as const;
type Shape = keyof typeof SHAPES;

const RED: Colour = [200, 40, 40];
const GREEN: Colour = [50, 140, 60];
const BROWN: Colour = [130, 85, 45];
const YELLOW: Colour = [225, 185, 40];
const BLUE: Colour = [45, 90, 190];
const GREY: Colour = [110, 115, 125];
const STEEL: Colour = [150, 160, 175];
const DARK: Colour = [45, 45, 55];
const PINK: Colour = [220, 120, 160];
const PALE: Colour = [235, 230, 215];
const TEAL: Colour = [40, 150, 150];
const PURPLE: Colour = [120, 70, 160];
const ORANGE: Colour = [225, 120, 40];

const LOOKS: Readonly<Record<string, readonly [Shape, Colour]>> = {
  alarmclock: ['clock', RED],
  apple: ['fruit', GREEN],
  baseballbat: ['bat', BROWN],
  basketball: ['ball', ORANGE],
  book: ['book', BLUE],
  bowl: ['bowl', TEAL],
  box: ['box', BROWN],
  bread: ['loaf', BROWN],
  butterknife: ['blade', STEEL],
  candle: ['candle', YELLOW],
  cd: ['disc', STEEL],
  cellphone: ['phone', DARK],
  cloth: ['cloth', TEAL],
  creditcard: ['card', PURPLE],
  cup: ['cup', BLUE],
  desklamp: ['lamp', ORANGE],
  dishsponge: ['block', YELLOW],
  egg: ['egg', PALE],
  floorlamp: ['lamp', PURPLE],
  fork: ['fork', STEEL],
  glassbottle: ['bottle', TEAL],
  handtowel: ['cloth', PINK],
  houseplant: ['plant', GREEN],
  kettle: ['kettle', GREY],
  keychain: ['key', YELLOW],
  knife: ['blade', DARK],
  ladle: ['ladle', STEEL],
  laptop: ['laptop', DARK],
  lettuce: ['leaf', GREEN],
  mug: ['mug', RED],
  newspaper: ['sheet', GREY],
  pan: ['pan', DARK],
  pen: ['stick', BLUE],
  pencil: ['stick', YELLOW],
  peppershaker: ['shaker', DARK],
  pillow: ['cushion', PINK],
  plate: ['plate', PALE],
  plunger: ['ladle', RED],
  pot: ['pot', GREY],
  potato: ['egg', BROWN],
  remotecontrol: ['remote', DARK],
  saltshaker: ['shaker', PALE],
  soapbar: ['block', PINK],
  soapbottle: ['bottle', PINK],
  spatula: ['turner', DARK],
  spoon: ['spoon', STEEL],
  spraybottle: ['spray', BLUE],
  statue: ['figure', STEEL],
  teddybear: ['figure', BROWN],
  tennisracket: ['racket', RED],
  tissuebox: ['tissues', BLUE],
  toiletpaper: ['roll', PALE],
  toiletpaperroll: ['roll', BROWN],
  tomato: ['fruit', RED],
  towel: ['cloth', BLUE],
  vase: ['vase', PURPLE],
  watch: ['watch', YELLOW],
  wateringcan: ['can', GREEN],
  winebottle: ['bottle', RED],
};

const GLYPHS = new Map(
  Object.entries(SHAPES).map(([name, text]): [string, Glyph] => {
    const rows = text.split(/ +/).map((row) => [...row].map((dot) => dot === '#'));
    return [name, { width: 8, height: rows.length, rows }];
  }),
);

/** The shape and colour of a kind (ALFRED's name in lower case); a question mark for kinds without one. */
export function lookOf(kind: string): { glyph: Glyph; colour: Colour } {
  const [shape, colour] = LOOKS[kind] ?? (['unknown', DARK] as const);
  return { glyph: GLYPHS.get(shape)!, colour };
}
