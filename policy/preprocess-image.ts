/** Images to pixel values as transformers' CLIPImageProcessor makes them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { RgbImage } from '../envs/env.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { resizeBicubic } from './resize-bicubic.ts';

const size = z.int().min(1);
const schema = z.object({
  size: z.union([z.object({ shortest_edge: size }), z.object({ height: size, width: size })]),
  crop_size: z.union([z.object({ height: size, width: size }), size.transform((length) => ({ height: length, width: length }))]),
  do_resize: z.boolean().default(true),
  do_center_crop: z.boolean().default(true),
  do_rescale: z.boolean().default(true),
  do_normalize: z.boolean().default(true),
  rescale_factor: z.number().default(1 / 255),
  image_mean: z.array(z.number()).length(3).default([0.48145466, 0.4578275, 0.40821073]),
  image_std: z.array(z.number()).length(3).default([0.26862954, 0.26130258, 0.27577711]),
});
type Settings = z.infer<typeof schema>;

/** [3, height, width] of the crop. */
export type ImagePreprocessor = (image: RgbImage) => Float32Array;

/** The preprocessing of a checkpoint folder. Throws `CheckpointError`. */
export function loadImagePreprocessor(folder: string): ImagePreprocessor {
  const file = path.join(folder, 'preprocessor_config.json');
  try {
    return imagePreprocessor(schema.parse(JSON.parse(readFileSync(file, 'utf8'))));
  } catch (error) {
    throw new CheckpointError(`${file}: cannot be used (${(error as Error).message}); copy preprocessor_config.json from the original checkpoint`);
  }
}

export function imagePreprocessor(settings: Settings): ImagePreprocessor {
  // (x * factor - mean) / std for each channel and byte, once.
  const table = settings.image_mean.map((mean, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const value = settings.do_rescale ? byte * settings.rescale_factor : byte;
      return settings.do_normalize ? (value - mean) / settings.image_std[channel] : value;
    }),
  );
  return (image) => {
    const { width, height, data } = centreCrop(resized(image, settings), settings);
    const plane = width * height;
    const pixels = new Float32Array(3 * plane);
    for (let index = 0; index < plane; index++) for (let channel = 0; channel < 3; channel++) pixels[channel * plane + index] = table[channel][data[index * 3 + channel]];
    return pixels;
  };
}

function resized(image: RgbImage, { do_resize: enabled, size: target }: Settings): RgbImage {
  if (!enabled) return image;
  if ('height' in target) return resizeBicubic(image, target.width, target.height);
  const short = target.shortest_edge;
  const { width, height } = image;
  return width <= height ? resizeBicubic(image, short, Math.floor((short * height) / width)) : resizeBicubic(image, Math.floor((short * width) / height), short);
}

/** The middle of an image; what it lacks is black. */
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
