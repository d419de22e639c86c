/** Card faces from a folder of pictures with gym-cards' names, instead of the drawn ones. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../../configs/schema.ts';
import { resizeBicubic } from '../../pictures/resize.ts';
import { RANKS, SUITS } from '../card.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import type { Colour } from '../../pictures/rgb-image.ts';
import { decodePng, PngError } from '../../pictures/png.ts';

/** The back of a card. */
export const CARD_BACK = 'card';

const NAMES = [...SUITS.flatMap((suit) => RANKS.map((rank) => suit + rank)), CARD_BACK];

/**
 * An environment option: a folder with `H9.png` and so on (`card.png` is the back), absolute or relative to where the
 * worker was started; null: drawn cards.
 */
export const cardFacesOption = z
  .string()
  .nullable()
  .default(null)
  .superRefine((folder, context) => {
    const missing =
      folder === null ? undefined : NAMES.find((name) => !existsSync(path.resolve(folder, `${name}.png`)));
    if (missing !== undefined)
      context.addIssue({
        code: 'custom',
        message:
          `${path.resolve(folder!)} has no ${missing}.png; name a folder with all 52 faces (H9.png, ST.png) ` +
          `and card.png`,
      });
  });

const faces = new Map<string, RgbImage>();

/**
 * The face of a card (or its back) from a folder, in the wanted size; transparent pixels show `background`. Throws
 * `ConfigError` for a damaged file.
 */
export function cardFace(folder: string, card: string, width: number, height: number, background: Colour): RgbImage {
  const file = path.resolve(folder, `${card}.png`);
  const key = `${file} ${width} ${height}`;
  let face = faces.get(key);
  if (face === undefined) {
    try {
      face = resizeBicubic(decodePng(readFileSync(file), background), width, height);
    } catch (error) {
      if (error instanceof PngError)
        throw new ConfigError(`cardFaces: ${file} ${error.message}; save it as an ordinary PNG file.`);
      throw error;
    }
    faces.set(key, face);
  }
  return face;
}
