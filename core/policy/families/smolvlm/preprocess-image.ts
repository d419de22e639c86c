/** Turns images into tiles exactly as transformers' Idefics3 image processor does with Pillow. */
import { z } from 'zod';
import { resizeBicubic, resizeLanczos } from '../../../pictures/resize.ts';
import type { RgbImage } from '../../../pictures/rgb-image.ts';
import { checkConfig } from '../../checkpoint/check-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import type { ImagePreprocessor, StandaloneProcessor } from '../model-family.ts';
import { byteTables, kindOf, normalisation } from '../parts/pixel-values.ts';

const HALF = [0.5, 0.5, 0.5];
const length = z.int().min(1);
const schema = z.object({
  image_processor_type: z
    .string()
    .regex(/^(Idefics3|SmolVLM)ImageProcessor(Fast|Pil)?$/, 'only those of Idefics3 and SmolVLM are supported')
    .default('Idefics3ImageProcessor'),
  do_resize: z.literal(true, 'images must be resized').default(true),
  do_image_splitting: z.boolean().default(true),
  resample: z
    .union([z.literal(1), z.literal(3)], 'only Lanczos (1) and bicubic resampling (3) are supported')
    .default(1),
  size: z.object({ longest_edge: length }).default({ longest_edge: 4 * 364 }),
  max_image_size: z.object({ longest_edge: length }).default({ longest_edge: 364 }),
  ...normalisation(HALF, HALF),
});

/** No side is made larger than this. */
const LARGEST_SIDE = 4096;

/** `side`: that of the model's tiles. Throws `CheckpointError` naming `origin`. */
export function smolVlmPreprocessor(content: unknown, origin: string, side: number): ImagePreprocessor {
  const settings = checkConfig(schema, content, origin);
  const tile = settings.max_image_size.longest_edge;
  if (tile !== side)
    throw new CheckpointError(
      `${origin} makes tiles of ${tile} pixels, but config.json asks for ${side}; fetch both from one place`,
    );
  const resize = settings.resample === 1 ? resizeLanczos : resizeBicubic;
  const tables = byteTables(settings);
  return (image) => {
    const { width, height } = firstSize(image, settings.size.longest_edge);
    const first = resize(image, width, height);
    const { tiles, rows, columns } = settings.do_image_splitting
      ? split(first, tile, resize)
      : { tiles: [resize(first, tile, tile)], rows: 0, columns: 0 };
    const plane = tile * tile;
    const pixels = new Float32Array(tiles.length * 3 * plane);
    for (const [index, { data }] of tiles.entries())
      for (const [channel, table] of tables.entries())
        for (let pixel = 0; pixel < plane; pixel++)
          pixels[(index * 3 + channel) * plane + pixel] = table[data[pixel * 3 + channel]];
    return { pixels, grid: [rows, columns] };
  };
}

/** From settings alone; null where they are another family's. */
export function smolVlmProcessor(content: unknown, origin: string): StandaloneProcessor | null {
  if (!schema.shape.image_processor_type.safeParse(kindOf(content)).success) return null;
  const { longest_edge: side } = checkConfig(schema, content, origin).max_image_size;
  return {
    preprocess: smolVlmPreprocessor(content, origin, side),
    layout: ([rows, columns]) => ({ tile_rows: rows, tile_cols: columns }),
    asTransformers: ({ pixels, grid: [rows, columns] }) => ({
      shape: [rows * columns + 1, 3, side, side],
      data: pixels,
    }),
  };
}

/** The longest side as requested, the other in proportion: truncated, and 1 added if odd. */
function firstSize({ width, height }: RgbImage, longest: number): { width: number; height: number } {
  const proportion = width / height;
  const even = (length: number) => Math.trunc(length) + (Math.trunc(length) % 2);
  const [w, h] = width >= height ? [longest, even(longest / proportion)] : [even(longest * proportion), longest];
  const [wide, tall] = [Math.max(w, 1), Math.max(h, 1)];
  if (Math.max(wide, tall) <= LARGEST_SIDE) return { width: wide, height: tall };
  const again = wide / tall;
  return wide >= tall
    ? { width: LARGEST_SIDE, height: Math.max(1, Math.trunc(LARGEST_SIDE / again)) }
    : { width: Math.max(1, Math.trunc(LARGEST_SIDE * again)), height: LARGEST_SIDE };
}

/** Sides grow to multiples of the tile; tiles row by row, the whole image as the last one. */
function split(
  image: RgbImage,
  tile: number,
  resize: typeof resizeLanczos,
): { tiles: RgbImage[]; rows: number; columns: number } {
  const proportion = image.width / image.height;
  const up = (length: number) => Math.ceil(length / tile) * tile;
  const [width, height] =
    image.width >= image.height
      ? [up(image.width), up(Math.trunc(up(image.width) / proportion))]
      : [up(Math.trunc(up(image.height) * proportion)), up(image.height)];
  const large = resize(image, width, height);
  if (width <= tile && height <= tile) return { tiles: [large], rows: 0, columns: 0 };
  const [rows, columns] = [height / tile, width / tile];
  const tiles = Array.from({ length: rows * columns }, (_, index) =>
    cut(large, (index % columns) * tile, Math.floor(index / columns) * tile, tile),
  );
  return { tiles: [...tiles, resize(large, tile, tile)], rows, columns };
}

function cut(image: RgbImage, left: number, top: number, side: number): RgbImage {
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + side * 3), y * side * 3);
  }
  return { width: side, height: side, data };
}
