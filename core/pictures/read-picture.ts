/** Reads users' picture files as Pillow's `convert("RGB")` does, because checkpoints were trained that way. */
import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { ConfigError } from '../../configs/schema.ts';
import type { RgbImage } from './rgb-image.ts';

// Each picture comes as bytes of its own, so nothing is found again.
sharp.cache(false);

/**
 * The pixels of a PNG, JPEG or WebP file, as Pillow reads them: transparency is dropped; colour profiles and
 * orientation are ignored; 16-bit colours keep their high byte, but 16-bit grey is clipped at 255. Throws `ConfigError`
 * with the name of the file.
 */
export async function readPicture(file: string): Promise<RgbImage> {
  try {
    const bytes = await readFile(file);
    const image = sharp(bytes, { ignoreIcc: true, failOn: 'error' });
    const { space, format } = await image.metadata();
    if (space === 'cmyk') return await readCmyk(image);
    if (format === 'png' && isGrey16(bytes)) return await readGrey16(image);
    const { data, info } = await image.toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return info.channels === 1
      ? spread(data, info, (pixel) => [data[pixel], data[pixel], data[pixel]])
      : { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read as a picture (${(error as Error).message.replace(/\.$/, '')}).`);
  }
}

type Size = { width: number; height: number };

function spread(
  { length }: { length: number },
  { width, height }: Size,
  colour: (pixel: number) => readonly [number, number, number],
): RgbImage {
  const pixels = width * height;
  if (length < pixels) throw new Error('it ends early');
  const data = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) data.set(colour(pixel), pixel * 3);
  return { width, height, data };
}

/** Without a profile: each ink absorbs its share of the light that black leaves. */
async function readCmyk(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const ink = (pixel: number, channel: number) => data[pixel * info.channels + channel];
  const left = (pixel: number, channel: number) => {
    const light = 255 - ink(pixel, 3);
    return light - divide255(ink(pixel, channel) * light);
  };
  return spread(data, info, (pixel) => [left(pixel, 0), left(pixel, 1), left(pixel, 2)]);
}

/** Rounded, as Pillow's MULDIV255. */
function divide255(product: number): number {
  const rounded = product + 128;
  return ((rounded >> 8) + rounded) >> 8;
}

async function readGrey16(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .toColourspace('grey16')
    .removeAlpha()
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const grey = (pixel: number) => Math.min(255, data.readUInt16LE(2 * pixel * info.channels));
  return spread(data, info, (pixel) => [grey(pixel), grey(pixel), grey(pixel)]);
}

/** By the header: 16 bits of grey, without alpha. */
function isGrey16(bytes: Uint8Array): boolean {
  return bytes[24] === 16 && bytes[25] === 0;
}
