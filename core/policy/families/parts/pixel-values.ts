/** Settings of image processors, and bytes to normalised values as numpy computes them. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readJson } from '../../checkpoint/check-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';

export const CLIP_MEAN: readonly number[] = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_DEVIATION: readonly number[] = [0.26862954, 0.26130258, 0.27577711];

/** The fields of a preprocessor_config.json that say how bytes become values. */
export function normalisation(mean: readonly number[], deviation: readonly number[]) {
  return {
    do_rescale: z.boolean().default(true),
    do_normalize: z.boolean().default(true),
    rescale_factor: z.number().default(1 / 255),
    image_mean: z
      .array(z.number())
      .length(3)
      .default([...mean]),
    image_std: z
      .array(z.number().positive())
      .length(3)
      .default([...deviation]),
  };
}
export type Normalisation = z.infer<z.ZodObject<ReturnType<typeof normalisation>>>;

/** For each channel, the value of each byte: (byte * factor - mean) / deviation, rounded to float32 after each step. */
export function byteTables({
  do_rescale: rescale,
  rescale_factor: factor,
  do_normalize: normalize,
  image_mean: means,
  image_std: deviations,
}: Normalisation): Float32Array[] {
  const { fround } = Math;
  return means.map((mean, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const value = rescale ? fround(byte * factor) : byte;
      return normalize ? fround(fround(value - fround(mean)) / fround(deviations[channel])) : value;
    }),
  );
}

/** The processor that the settings name. */
export function kindOf(content: unknown): unknown {
  return (content as { image_processor_type?: unknown } | null)?.image_processor_type ?? null;
}

/**
 * The settings from a checkpoint folder's processor_config.json, if it has any, as in transformers; else from
 * preprocessor_config.json, or from one of `others`; and the file that holds them. Throws `CheckpointError` where there
 * are none and no `fallback`.
 */
export function preprocessorSettings(
  folder: string,
  others: readonly string[] = [],
  fallback: object | null = null,
): { settings: unknown; origin: string } {
  const files = ['processor_config.json', 'preprocessor_config.json'].map((name) => path.join(folder, name));
  for (const file of [...files, ...others]) {
    if (!existsSync(file)) continue;
    const content = readJson(file, 'copy it from the original checkpoint');
    const settings =
      path.basename(file) === 'processor_config.json'
        ? (content as { image_processor?: unknown }).image_processor
        : content;
    if (settings !== undefined) return { settings, origin: file };
  }
  if (fallback !== null) return { settings: fallback, origin: folder };
  throw new CheckpointError(`${folder} has no preprocessor_config.json; copy it from the original checkpoint`);
}
