/** What pictures of several sizes cost, and how few shapes of graphs they make. */
import path from 'node:path';
import test from 'ava';
import { readVlmConfig } from '../../core/policy/checkpoint/read-config.ts';
import { describePictures, type SeenPicture } from '../../core/policy/longest-prompt.ts';
import { pictureShape } from '../../core/policy/picture-shape.ts';

const config = readVlmConfig(path.resolve(import.meta.dirname, '../golden/vlm/qwen2_5-small'));
const seen = (width: number, height: number, rows: number, columns: number): SeenPicture => ({
  width,
  height,
  grid: [rows, columns],
});

test('a picture, and pictures of several sizes', (t) => {
  t.is(describePictures(config, [seen(40, 24, 4, 6)]), 'a picture of 40 x 24 pixels becomes 4 x 6 patches, 6 tokens');
  // 20 cells, 21 and 6: numbers of cells are rounded up to multiples of four.
  t.is(
    describePictures(config, [seen(80, 64, 8, 10), seen(40, 24, 4, 6), seen(84, 48, 6, 14)]),
    'pictures of 3 sizes: one of 40 x 24 pixels becomes 4 x 6 patches, 6 tokens, one of 84 x 48 pixels becomes ' +
      '6 x 14 patches, 21 tokens; 3 sizes of graphs',
  );
});

test('every picture of up to 200 cells makes one of a few sizes', (t) => {
  const parts = Array.from({ length: 200 }, (_, cells) => pictureShape(config, [[2, 2 * (cells + 1)]], true).parts);
  t.true(parts.every((held, cells) => held >= 4 * (cells + 1) && held < 4 * (cells + 1) + 4 * 8));
  t.true(new Set(parts).size <= 42);
});
