/** Turns images into patches exactly as transformers' Qwen2-VL image processor does with Pillow. */
import { z } from 'zod';
import { resizeBicubic } from '../../../pictures/resize.ts';
import { checkConfig } from '../../checkpoint/check-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import type { Grid, ImagePreprocessor, StandaloneProcessor } from '../model-family.ts';
import { byteTables, CLIP_DEVIATION, CLIP_MEAN, kindOf, normalisation } from '../parts/pixel-values.ts';
import { patchCoordinates } from './patch-grid.ts';
import type { PatchSizes } from './qwen-config.ts';

const length = z.int().min(1);
const schema = z.object({
  image_processor_type: z
    .string()
    .regex(/^Qwen[23](_5_?)?VLImageProcessor(Fast|Pil)?$/, 'only the image processors of Qwen-VL models are supported')
    .default('Qwen2VLImageProcessor'),
  do_resize: z.boolean().default(true),
  resample: z.literal(3, 'only bicubic resampling (3) is supported').default(3),
  /** In pixels of the whole image, despite their names. */
  size: z
    .looseObject({ shortest_edge: length.optional(), longest_edge: length.optional() })
    .nullish()
    .transform((size) => size ?? {}),
  min_pixels: length.nullish(),
  max_pixels: length.nullish(),
  patch_size: length.default(14),
  merge_size: length.default(2),
  temporal_patch_size: length.default(2),
  ...normalisation(CLIP_MEAN, CLIP_DEVIATION),
});

/** `sizes`: those of the model, which the settings must match. Throws `CheckpointError` naming `origin`. */
export function qwenPreprocessor(content: unknown, origin: string, sizes: PatchSizes): ImagePreprocessor {
  const settings = checkConfig(schema, content, origin);
  for (const [name, asked, has] of [
    ['patch_size', settings.patch_size, sizes.patchSize],
    ['merge_size', settings.merge_size, sizes.merge],
    ['temporal_patch_size', settings.temporal_patch_size, sizes.temporalPatchSize],
  ] as const)
    if (asked !== has)
      throw new CheckpointError(
        `${origin} has ${name} ${asked}, but config.json asks for ${has}; fetch both from one place`,
      );
  const { patchSize, merge } = sizes;
  const limits = {
    least: settings.min_pixels ?? settings.size.shortest_edge ?? 56 * 56,
    most: settings.max_pixels ?? settings.size.longest_edge ?? 28 * 28 * 1280,
  };
  const tables = byteTables(settings);
  return (image) => {
    const factor = patchSize * merge;
    const size = settings.do_resize ? smartSize(image, factor, limits) : { width: image.width, height: image.height };
    if (size === null || size.width % factor !== 0 || size.height % factor !== 0)
      throw new CheckpointError(
        `${origin} cannot bring an image of ${image.width} x ${image.height} pixels into cells of ${factor}; show ` +
          `images whose longer side is at most 200 times the shorter one`,
      );
    const { width, data } = resizeBicubic(image, size.width, size.height);
    const grid: Grid = [size.height / patchSize, size.width / patchSize];
    const coordinates = patchCoordinates(grid, merge);
    const plane = patchSize ** 2;
    const pixels = new Float32Array(coordinates.rows.length * 3 * plane);
    for (const [patch, row] of coordinates.rows.entries())
      for (let inside = 0; inside < plane; inside++) {
        const y = row * patchSize + Math.floor(inside / patchSize);
        const x = coordinates.columns[patch] * patchSize + (inside % patchSize);
        for (let channel = 0; channel < 3; channel++)
          pixels[(patch * 3 + channel) * plane + inside] = tables[channel][data[(y * width + x) * 3 + channel]];
      }
    return { pixels, grid };
  };
}

/** From settings alone; null where they are another family's. */
export function qwenProcessor(content: unknown, origin: string): StandaloneProcessor | null {
  if (!schema.shape.image_processor_type.safeParse(kindOf(content)).success) return null;
  const settings = checkConfig(schema, content, origin);
  const sizes = {
    patchSize: settings.patch_size,
    merge: settings.merge_size,
    temporalPatchSize: settings.temporal_patch_size,
  };
  const plane = sizes.patchSize ** 2;
  return {
    preprocess: qwenPreprocessor(content, origin, sizes),
    layout: ([rows, columns]) => ({ grid_thw: [1, rows, columns] }),
    asTransformers({ pixels, grid: [rows, columns] }) {
      const frames = sizes.temporalPatchSize;
      const data = new Float32Array(pixels.length * frames);
      for (let at = 0; at < pixels.length; at += plane)
        for (let frame = 0; frame < frames; frame++)
          data.set(pixels.subarray(at, at + plane), at * frames + frame * plane);
      return { shape: [rows * columns, 3 * frames * plane], data };
    },
  };
}

/** Multiples of `factor` with about the same aspect ratio, their product within the limits; null: too elongated. */
function smartSize(
  { width, height }: { width: number; height: number },
  factor: number,
  { least, most }: { least: number; most: number },
): { width: number; height: number } | null {
  if (Math.max(width, height) / Math.min(width, height) > 200) return null;
  const sides = [height, width];
  const [tall, wide] = sides.map((side) => roundHalfEven(side / factor) * factor);
  if (tall * wide > most) {
    const beta = Math.sqrt((height * width) / most);
    const [h, w] = sides.map((side) => Math.max(factor, Math.floor(side / beta / factor) * factor));
    return { height: h, width: w };
  }
  if (tall * wide < least) {
    const beta = Math.sqrt(least / (height * width));
    const [h, w] = sides.map((side) => Math.ceil((side * beta) / factor) * factor);
    return { height: h, width: w };
  }
  return { height: tall, width: wide };
}

/** Rounds as Python does. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
