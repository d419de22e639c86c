/** Pixels against transformers and Pillow (scripts/golden/preprocess-image.py), bit for bit. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { RgbImage } from '../../core/pictures/rgb-image.ts';
import { decodeSafetensors } from '../../core/graph/safetensors.ts';
import { CheckpointError } from '../../core/policy/checkpoint/errors.ts';
import { imagePreprocessor, loadImagePreprocessor } from '../../core/policy/families/llava/preprocess-image.ts';
import { resizeBicubic } from '../../core/pictures/resize.ts';
import { checkpointFolder, RECORDED, recordedJson } from './checkpoint/checkpoint-folder.ts';

type Config = Record<string, unknown> & { crop_size: { width: number; height: number } };
type Case = { name: string; width: number; height: number; config: Config };

const file = path.resolve(import.meta.dirname, '../golden/preprocess-image.safetensors');
const golden = decodeSafetensors(readFileSync(file), file);

/** The formula of the golden maker. */
function drawn(width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [c, x, y] = [index % 3, Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    if ((Math.floor(x / 3) + Math.floor(y / 5)) % 5 === 0) return 0;
    if ((Math.floor(x / 5) + Math.floor(y / 3)) % 4 === 0) return 255;
    return (x * x * 3 + y * 5 * x + c * 40 + y * 7) % 256;
  });
  return { width, height, data };
}

for (const { name, width, height, config } of JSON.parse(golden.metadata.cases) as Case[]) {
  const { shape, data } = golden.get(name)!;
  if (shape[1] !== shape[2]) {
    test(`refused, as the vision tower takes squares: ${name}`, (t) => {
      t.throws(() => imagePreprocessor(config, { origin: 'x.json', side: shape[1] })(drawn(width, height)), {
        instanceOf: CheckpointError,
        message: /^x\.json makes (an image|images) of \d+ x \d+ pixels.* but config\.json asks for \d+ x \d+; /,
      });
    });
    continue;
  }
  test(`as transformers makes them: ${name} (${width} x ${height})`, (t) => {
    const pixels = imagePreprocessor(config, { origin: 'x.json', side: shape[1] })(drawn(width, height));
    const differing = [...pixels.keys()].filter((index) => pixels[index] !== data[index]);
    t.is(pixels.length, data.length);
    t.deepEqual(
      differing.map((index) => [index, pixels[index], data[index]]),
      [],
    );
  });
}

test('a plain colour stays what it is at any size', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(255),
      (width, height, toWidth, toHeight, byte) => {
        const image = { width, height, data: new Uint8Array(width * height * 3).fill(byte) };
        const { data } = resizeBicubic(image, toWidth, toHeight);
        return data.length === toWidth * toHeight * 3 && data.every((other) => other === byte);
      },
    ),
  );
  t.pass();
});

test('an image of the right size is not touched', (t) => {
  const image = drawn(16, 16);
  t.is(resizeBicubic(image, 16, 16), image);
});

test('a checkpoint folder: either file, and the image size of config.json', (t) => {
  const image = drawn(60, 50);
  const expected = loadImagePreprocessor(RECORDED, 42)(image);
  t.is(expected.pixels.length, 3 * 42 * 42);
  const nested = checkpointFolder(t, {
    'config.json': true,
    'processor_config.json': { image_processor: recordedJson('preprocessor_config.json') },
  });
  t.deepEqual(loadImagePreprocessor(nested, 42)(image), expected);
  // Where both are there, transformers reads the nested one.
  const both = checkpointFolder(t, {
    'config.json': true,
    'preprocessor_config.json': { ...recordedJson('preprocessor_config.json'), image_std: [1, 1, 1] },
    'processor_config.json': { image_processor: recordedJson('preprocessor_config.json') },
  });
  t.deepEqual(loadImagePreprocessor(both, 42)(image), expected);
  // Old files give sizes as plain numbers.
  const numbers = checkpointFolder(t, {
    'config.json': true,
    'preprocessor_config.json': {
      ...recordedJson('preprocessor_config.json'),
      size: 42,
      crop_size: 42,
      image_processor_type: undefined,
      feature_extractor_type: 'CLIPFeatureExtractor',
    },
  });
  t.deepEqual(loadImagePreprocessor(numbers, 42)(image), expected);
});

test('the original layout needs no file, and squares images as its config.json says', (t) => {
  const config = {
    architectures: ['LlavaLlamaForCausalLM'],
    mm_vision_tower: 'openai/clip-vit-large-patch14',
    mm_projector_type: 'mlp2x_gelu',
  };
  const by = (ratio?: string) =>
    loadImagePreprocessor(
      checkpointFolder(t, { 'config.json': { ...config, image_aspect_ratio: ratio } }),
      224,
    )(drawn(60, 40)).pixels;
  const settings = (changes: object) =>
    imagePreprocessor({ size: 224, crop_size: 224, ...changes }, { origin: 'x.json', side: 224 })(drawn(60, 40));
  t.deepEqual(by(), settings({}));
  t.deepEqual(by('pad'), settings({ image_processor_type: 'LlavaImageProcessor', do_pad: true }));
  t.deepEqual(by('anyres'), settings({ image_processor_type: 'LlavaNextImageProcessor' }));
  t.notDeepEqual(by('pad'), by());
  t.notDeepEqual(by('anyres'), by());
});

for (const [what, content, message] of [
  [
    'another processor',
    { image_processor_type: 'ViTImageProcessor' },
    /^x\.json: image_processor_type: only the image processors of CLIP, Siglip, Llava and LlavaNext are supported \(it is "ViTImageProcessor"\)/,
  ],
  ['other resampling', { resample: 2 }, /^x\.json: resample: only bicubic resampling \(3\) is supported \(it is 2\)/],
  [
    'another size',
    { size: 224, crop_size: 224 },
    /^x\.json makes images of 224 x 224 pixels, but config\.json asks for 42 x 42/,
  ],
  ['nonsense', { size: 'large', crop_size: 42 }, /^x\.json: size: /],
] as const) {
  test(`refused in one sentence: ${what}`, (t) => {
    const error = t.throws(() => imagePreprocessor(content, { origin: 'x.json', side: 42 }), {
      instanceOf: CheckpointError,
      message,
    });
    t.notRegex(error.message, /\n/);
  });
}

test('a folder without settings is named', (t) => {
  const folder = checkpointFolder(t, { 'config.json': true });
  t.throws(() => loadImagePreprocessor(folder, 42), {
    instanceOf: CheckpointError,
    message: /has no preprocessor_config\.json; copy it/,
  });
});
