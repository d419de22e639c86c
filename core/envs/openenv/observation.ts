/**
 * Turns an OpenEnv server's observations into pictures and texts for the agent. They are untrusted, so sizes are
 * bounded.
 */
import type { Colour, RgbImage } from '../../pictures/rgb-image.ts';
import { decodePng } from '../../pictures/png.ts';
import type { JsonValue } from '../env.ts';
import { EnvironmentError } from '../plug-in.ts';

export type Fields = Readonly<Record<string, JsonValue>>;

/** Pixels on a side, characters of a text. */
const LARGEST_SIDE = 2048;
const LONGEST_TEXT = 8000;
const WHITE: Colour = [255, 255, 255];

/** The picture of a field: a PNG in base64 or a data URL, or rows of [red, green, blue]; white if there is none. */
export function pictureOf(fields: Fields, name: string | null, size: number): RgbImage {
  const value = name === null ? null : (fields[name] ?? null);
  if (value === null) return { width: size, height: size, data: new Uint8Array(size * size * 3).fill(255) };
  return typeof value === 'string' ? readPng(name!, value) : readRows(name!, value);
}

function readPng(name: string, text: string): RgbImage {
  const file = Buffer.from(text.replace(/^data:image\/png;base64,/, ''), 'base64');
  // Width and height are at fixed offsets; they are checked before anything is unpacked.
  if (file.length < 24 || file.readUInt32BE(16) > LARGEST_SIDE || file.readUInt32BE(20) > LARGEST_SIDE)
    throw new EnvironmentError(`openenv: the field "${name}" is not a PNG of at most ${LARGEST_SIDE} pixels a side.`);
  try {
    return decodePng(file, WHITE);
  } catch (error) {
    throw new EnvironmentError(`openenv: the picture in the field "${name}" ${(error as Error).message}.`);
  }
}

function readRows(name: string, value: JsonValue): RgbImage {
  const rows = Array.isArray(value) ? (value as readonly JsonValue[]) : [];
  const [height, width] = [rows.length, Array.isArray(rows[0]) ? rows[0].length : 0];
  const bytes = rows.flat(2);
  const isPicture =
    width > 0 &&
    Math.max(width, height) <= LARGEST_SIDE &&
    bytes.length === width * height * 3 &&
    bytes.every((byte) => Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) <= 255);
  if (!isPicture)
    throw new EnvironmentError(
      `openenv: the field "${name}" is not a picture of rows of [red, green, blue], 0 to 255.`,
    );
  return { width, height, data: Uint8Array.from(bytes as number[]) };
}

/** Texts and numbers by their names, and `text`: all of them, a line each. */
export function textsOf(fields: Fields, picture: string | null): Record<string, string> {
  const texts = Object.entries(fields)
    .filter(([name, value]) => name !== picture && value !== null && typeof value !== 'object')
    .map(([name, value]): [string, string] => [name, `${value as string | number | boolean}`.slice(0, LONGEST_TEXT)]);
  return {
    text: texts.map(([name, value]) => (texts.length === 1 ? value : `${name}: ${value}`)).join('\n'),
    ...Object.fromEntries(texts),
  };
}
