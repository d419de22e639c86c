import sharp from 'sharp';
import test from 'ava';
import {
  decodePicture,
  readBlackjackTable,
  readCardTable,
  readNumberLine,
} from '../../core/corrector/rehearsal/read-picture.ts';
import { RANKS, SUITS } from '../../core/envs/card.ts';
import { drawBlackjackTable } from '../../core/envs/drawing/blackjack-table.ts';
import { drawCardTable } from '../../core/envs/drawing/card-table.ts';
import { drawNumberLine } from '../../core/envs/drawing/number-line.ts';
import { encodePng } from '../../core/pictures/png.ts';
import type { RgbImage } from '../../core/pictures/rgb-image.ts';
import { RandomStream } from '../../core/random/counter.ts';

const random = new RandomStream({ seed: 3, purpose: 'test' });
const cards = (count: number) => Array.from({ length: count }, () => random.pick(SUITS) + random.pick(RANKS));
const jpeg = async ({ width, height, data }: RgbImage) =>
  await decodePicture(
    await sharp(data, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 75 })
      .toBuffer(),
  );

test('cards are read at any size, with a formula below, and from a JPEG', async (t) => {
  for (const size of [64, 200, 300]) {
    for (const count of [2, 4]) {
      const hand = cards(count);
      const picture = drawCardTable(hand, '(10-4)*(9-5)', size);
      t.deepEqual(readCardTable(await decodePicture(encodePng(picture)), count, null), hand);
      if (size > 64) t.deepEqual(readCardTable(await jpeg(picture), count, null), hand);
    }
  }
});

test('a Blackjack hand is read whatever its length', async (t) => {
  for (let count = 2; count <= 6; count++) {
    const [open, ...player] = cards(count + 1);
    t.deepEqual(readBlackjackTable(drawBlackjackTable(open, player, 300), null), { open, player });
    t.deepEqual(readBlackjackTable(await jpeg(drawBlackjackTable(open, player, 300)), null), { open, player });
  }
});

test('numbers are read up to 99', async (t) => {
  for (const [target, current] of [
    [0, 5],
    [99, 10],
    [7, 77],
    [40, 4],
  ]) {
    t.deepEqual(readNumberLine(drawNumberLine(target, current, 300), 99), { target, current });
    t.deepEqual(readNumberLine(await jpeg(drawNumberLine(target, current, 300)), 99), { target, current });
  }
});

test('what is not a picture is refused', async (t) => {
  await t.throwsAsync(decodePicture(Buffer.from('hello')));
});
