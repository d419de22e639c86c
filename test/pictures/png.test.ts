import test from 'ava';
import sharp from 'sharp';
import { decodePng, encodePng, PngError } from '../../core/pictures/png.ts';

const WHITE = [255, 255, 255] as const;
const noise = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * index * 7 + index * 13) % 256),
});

test('encoded pictures are decoded, here and by sharp', async (t) => {
  const image = noise(17, 9);
  t.deepEqual(decodePng(encodePng(image), WHITE), image);
  const { data, info } = await sharp(encodePng(image)).raw().toBuffer({ resolveWithObject: true });
  t.deepEqual([info.width, info.height, info.channels, Buffer.from(image.data).equals(data)], [17, 9, 3, true]);
});

test('files that sharp wrote: filters, palettes, grey, 16 bits', async (t) => {
  const { width, height, data } = noise(23, 11);
  const source = () => sharp(data, { raw: { width, height, channels: 3 } });
  const files = {
    filtered: await source().png({ adaptiveFiltering: true }).toBuffer(),
    palette: await source().png({ palette: true, colours: 256 }).toBuffer(),
    grey: await source().greyscale().png().toBuffer(),
    deep: await source().toColourspace('rgb16').png().toBuffer(),
  };
  for (const [name, file] of Object.entries(files)) {
    const expected = await sharp(file).toColourspace('srgb').removeAlpha().raw().toBuffer();
    t.true(Buffer.from(decodePng(file, WHITE).data).equals(expected), name);
  }
});

test('transparent pixels show the background', async (t) => {
  const file = await sharp(Uint8Array.from([200, 100, 0, 0, 200, 100, 0, 255, 200, 100, 0, 51]), {
    raw: { width: 3, height: 1, channels: 4 },
  })
    .png()
    .toBuffer();
  // A fifth of the colour over four fifths of white: (200 + 4 * 255) / 5 = 244, (100 + 4 * 255) / 5 = 224, (0 + 4 *
  // 255) / 5 = 204.
  t.deepEqual([...decodePng(file, WHITE).data], [255, 255, 255, 200, 100, 0, 244, 224, 204]);
});

test('damaged files are refused', async (t) => {
  const file = encodePng(noise(8, 8));
  const flipped = Buffer.from(file);
  flipped[50] ^= 1;
  const interlaced = await sharp(noise(8, 8).data, { raw: { width: 8, height: 8, channels: 3 } })
    .png({ progressive: true })
    .toBuffer();
  for (const broken of [Buffer.from('hello'), file.subarray(0, 60), flipped, interlaced])
    t.throws(() => decodePng(broken, WHITE), { instanceOf: PngError });
});
