/** Picture files of users. */
import sharp from 'sharp';
import { ConfigError } from '../../configs/schema.ts';
import type { RgbImage } from './rgb-image.ts';

/**
 * The pixels of a PNG, JPEG or WebP file; transparency is dropped, as by Pillow. Throws `ConfigError` naming the file.
 */
export async function readPicture(file: string): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(file)
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
    return { width: info.width, height: info.height, data: new Uint8Array(data) };
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read as a picture (${(error as Error).message}).`);
  }
}
