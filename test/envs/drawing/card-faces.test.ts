import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { RANKS, SUITS } from '../../../core/envs/card.ts';
import { encodePng } from '../../../core/pictures/png.ts';
import { gameByName } from '../../../core/envs/registry.ts';

/** A folder of one-coloured cards: red hearts, green diamonds, blue clubs, black spades, a grey back. */
function facesFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-faces-'));
  const colours = { H: [255, 0, 0], D: [0, 255, 0], C: [0, 0, 255], S: [0, 0, 0] };
  const card = (colour: readonly number[]) =>
    encodePng({ width: 10, height: 14, data: Uint8Array.from({ length: 420 }, (_, index) => colour[index % 3]) });
  for (const suit of SUITS)
    for (const rank of RANKS) writeFileSync(path.join(folder, `${suit}${rank}.png`), card(colours[suit]));
  writeFileSync(path.join(folder, 'card.png'), card([128, 128, 128]));
  return folder;
}

test('a folder of faces replaces the drawn cards, in every game that has cards', (t) => {
  const cardFaces = facesFolder();
  const picture = (name: string, state: object) =>
    gameByName(name)
      .fromState(state as never, gameByName(name).parseOptions({ cardFaces }))
      .observe(300);
  const pixel = ({ data }: { data: Uint8Array }, x: number, y: number) => [
    ...data.subarray((y * 300 + x) * 3, (y * 300 + x) * 3 + 3),
  ];
  // Four cards are 67 pixels wide: columns from 5, 78, 152 and 226.
  const points24 = picture('points24', { cards: ['HT', 'DA', 'C7', 'SK'], formula: [] });
  t.deepEqual(
    [10, 80, 160, 230].map((x) => pixel(points24, x, 150)),
    [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [0, 0, 0],
    ],
  );
  const blackjack = picture('blackjack', { dealer: ['D2', 'HA'], player: ['CK', 'H3'], deck: [] });
  t.deepEqual(
    [pixel(blackjack, 10, 30), pixel(blackjack, 90, 30), pixel(blackjack, 10, 160), pixel(blackjack, 90, 160)],
    [
      [0, 255, 0],
      [128, 128, 128],
      [0, 0, 255],
      [255, 0, 0],
    ],
  );
});

test('a folder that lacks a face, and a damaged face, are named', (t) => {
  const cardFaces = facesFolder();
  const game = gameByName('blackjack');
  const options = game.parseOptions({ cardFaces });
  writeFileSync(path.join(cardFaces, 'D2.png'), 'no picture');
  t.throws(() => game.fromState({ dealer: ['D2', 'HA'], player: ['CK', 'H3'], deck: [] }, options).observe(300), {
    name: 'ConfigError',
    message: /D2\.png is not a PNG file; save it/,
  });
  rmSync(path.join(cardFaces, 'S9.png'));
  t.throws(() => game.parseOptions({ cardFaces }), { name: 'ConfigError', message: /cardFaces: .* has no S9\.png/ });
});
