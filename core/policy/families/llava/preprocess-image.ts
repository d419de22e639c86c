/**
 * Turns images into pixel values exactly as transformers' CLIP, SigLIP and LLaVA image processors do with Pillow.
 */
import path from 'node:path';
import { z } from 'zod';
import type { RgbImage } from '../../../pictures/rgb-image.ts';
import { checkConfig, readJson } from '../../checkpoint/check-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import type { ImagePreprocessor, StandaloneProcessor } from '../model-family.ts';
import {
  byteTables,
  CLIP_DEVIATION,
  CLIP_MEAN,
  kindOf,
  normalisation,
  preprocessorSettings,
} from '../parts/pixel-values.ts';
import { isOriginalLayout, originalSquaring, towerFolder } from './original-config.ts';
import { resizeBicubic } from '../../../pictures/resize.ts';

const length = z.int().min(1);
const sides = z.strictObject({ height: length, width: length });
const KINDS = /^(CLIP|Siglip|Llava|LlavaNext)(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/;
/** Defaults of `SiglipImageProcessor` that differ from CLIP's. */
const SIGLIP_DEFAULTS = {
  size: { height: 224, width: 224 },
  do_center_crop: false,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
};

const schema = z.object({
  image_processor_type: z
    .string()
    .regex(KINDS, 'only the image processors of CLIP, Siglip, Llava and LlavaNext are supported')
    .default('CLIPImageProcessor'),
  size: z
    .union([z.strictObject({ shortest_edge: length }), sides, length.transform((edge) => ({ shortest_edge: edge }))])
    .default({ shortest_edge: 224 }),
  crop_size: z
    .union([sides, length.transform((side) => ({ height: side, width: side }))])
    .default({ height: 224, width: 224 }),
  do_resize: z.boolean().default(true),
  do_center_crop: z.boolean().default(true),
  do_pad: z.boolean().nullish(),
  resample: z.literal(3, 'only bicubic resampling (3) is supported').default(3),
  ...normalisation(CLIP_MEAN, CLIP_DEVIATION),
});
type Settings = z.infer<typeof schema>;

/** How an image becomes a square: cropped to its centre, padded with the mean colour, or squeezed. */
type Squaring = 'crop' | 'pad' | 'squeeze';

/**
 * The preprocessing of a checkpoint folder: preprocessor_config.json or processor_config.json, or the original LLaVA
 * code's. `side`: the vision tower's image size. Throws `CheckpointError`.
 */
export function loadImagePreprocessor(folder: string, side: number): ImagePreprocessor {
  const model = readJson(path.join(folder, 'config.json'), 'fetch it again') as object;
  const original = isOriginalLayout(model);
  const squaring = original ? originalSquaring(model) : undefined;
  const tower = towerFolder(folder, model);
  const found = preprocessorSettings(
    folder,
    tower === null ? [] : [path.join(tower, 'preprocessor_config.json')],
    // The original code takes them from the vision tower's own folder.
    original ? { size: side, crop_size: side } : null,
  );
  const pixels = imagePreprocessor(found.settings, { origin: found.origin, side, squaring });
  return (image) => ({ pixels: pixels(image), grid: [1, 1] });
}

/**
 * `content`: a preprocessor_config.json; `origin` names it in errors; `side`: the vision tower's image size. `squaring`
 * overrides the settings. Images become [3, side, side].
 */
export function imagePreprocessor(
  content: unknown,
  { origin, side, squaring }: { origin: string; side: number; squaring?: Squaring },
): (image: RgbImage) => Float32Array {
  const siglip = /^Siglip/.test(String((content as { image_processor_type?: unknown } | null)?.image_processor_type));
  const settings = checkConfig(schema, siglip ? { ...SIGLIP_DEFAULTS, ...(content as object) } : content, origin);
  const { crop_size: crop, size } = settings;
  const output = settings.do_center_crop ? crop : 'height' in size ? size : null;
  if (output !== null && (output.height !== side || output.width !== side))
    throw new CheckpointError(
      `${origin} makes images of ${output.width} x ${output.height} pixels, but config.json asks for ${side} x ` +
        `${side}; fetch both from one place`,
    );
  const square = squareWith(squaring ?? squaringOf(settings), settings);
  const tables = byteTables(settings);
  return (image) => {
    const { width, height, data } = centreCrop(resized(square(image), settings), settings);
    if (width !== side || height !== side)
      throw new CheckpointError(
        `${origin} makes an image of ${width} x ${height} pixels from one of ${image.width} x ${image.height}, ` +
          `but config.json asks for ${side} x ${side}; set do_center_crop`,
      );
    const plane = side * side;
    const pixels = new Float32Array(3 * plane);
    for (const [channel, table] of tables.entries())
      for (let index = 0; index < plane; index++) pixels[channel * plane + index] = table[data[index * 3 + channel]];
    return pixels;
  };
}

/** From settings alone; null where they are another family's. */
export function llavaProcessor(content: unknown, origin: string): StandaloneProcessor | null {
  const kind = kindOf(content);
  if (typeof kind !== 'string' || !KINDS.test(kind)) return null;
  const { crop_size: crop, do_center_crop: cropped, size } = checkConfig(schema, content, origin);
  const side = cropped ? crop.height : 'height' in size ? size.height : size.shortest_edge;
  const pixels = imagePreprocessor(content, { origin, side });
  return {
    preprocess: (image) => ({ pixels: pixels(image), grid: [1, 1] }),
    layout: () => ({}),
    asTransformers: (picture) => ({ shape: [1, 3, side, side], data: picture.pixels }),
  };
}

function squaringOf({ image_processor_type: kind, do_pad: pad }: Settings): Squaring {
  if (kind.startsWith('LlavaNext')) return 'squeeze';
  return kind.startsWith('Llava') && pad ? 'pad' : 'crop';
}

function squareWith(squaring: Squaring, { size, image_mean: means }: Settings): (image: RgbImage) => RgbImage {
  const edges = 'height' in size ? [size.width, size.height] : [size.shortest_edge, size.shortest_edge];
  switch (squaring) {
    case 'crop':
      return (image) => image;
    case 'squeeze':
      return (image) => resizeBicubic(image, edges[0], edges[1]);
    case 'pad':
      return (image) =>
        padToSquare(
          image,
          means.map((mean) => Math.trunc(mean * 255)),
        );
  }
}

function padToSquare(image: RgbImage, colour: readonly number[]): RgbImage {
  const { width, height, data } = image;
  if (width === height) return image;
  const side = Math.max(width, height);
  const square = Uint8Array.from({ length: side * side * 3 }, (_, index) => colour[index % 3]);
  const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
  for (let y = 0; y < height; y++)
    square.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * side + left) * 3);
  return { width: side, height: side, data: square };
}

function resized(image: RgbImage, { do_resize: enabled, size }: Settings): RgbImage {
  if (!enabled) return image;
  if ('height' in size) return resizeBicubic(image, size.width, size.height);
  const short = size.shortest_edge;
  const { width, height } = image;
  return width <= height
    ? resizeBicubic(image, short, Math.trunc((short * height) / width))
    : resizeBicubic(image, Math.trunc((short * width) / height), short);
}

/** The centre of an image, padded with black. */
function centreCrop(image: RgbImage, { do_center_crop: enabled, crop_size: crop }: Settings): RgbImage {
  if (!enabled || (image.width === crop.width && image.height === crop.height)) return image;
  const data = new Uint8Array(crop.width * crop.height * 3);
  const top = Math.floor((image.height - crop.height) / 2);
  const left = Math.floor((image.width - crop.width) / 2);
  for (let y = Math.max(0, -top); y < Math.min(crop.height, image.height - top); y++) {
    const from = Math.max(0, -left);
    const to = Math.min(crop.width, image.width - left);
    const source = ((y + top) * image.width + left) * 3;
    data.set(image.data.subarray(source + from * 3, source + to * 3), (y * crop.width + from) * 3);
  }
  return { width: crop.width, height: crop.height, data };
}
