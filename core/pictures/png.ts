/**
 * PNG files (ISO/IEC 15948): written as 8-bit RGB without filters; read in every colour type of 8 or 16 bits that is
 * not interlaced.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import type { RgbImage } from './rgb-image.ts';
import type { Colour } from './rgb-image.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export function encodePng({ width, height, data }: RgbImage): Buffer {
  const lines = Buffer.alloc(height * (width * 3 + 1));
  for (let row = 0; row < height; row++)
    lines.set(data.subarray(row * width * 3, (row + 1) * width * 3), row * (width * 3 + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits a channel, RGB
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(content.length, 0);
  frame.set(body, 4);
  frame.writeUInt32BE(crc32(body), 4 + body.length);
  return frame;
}

/** A file that cannot be read; the message continues a sentence that names the file. */
export class PngError extends Error {}

/** Channels by colour type: grey, RGB, palette, grey + alpha, RGBA. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The picture of a file on `background`. Throws `PngError`. */
export function decodePng(file: Buffer, background: Colour): RgbImage {
  const chunks = readChunks(file);
  const header = chunks.get('IHDR')?.[0];
  if (header === undefined || header.length !== 13) throw new PngError('has no image header');
  const [width, height, bits, type, interlaced] = [
    header.readUInt32BE(0),
    header.readUInt32BE(4),
    header[8],
    header[9],
    header[12],
  ];
  const channels = CHANNELS[type];
  if (channels === undefined || (bits !== 8 && bits !== 16) || interlaced !== 0)
    throw new PngError(
      `has ${bits} bits a channel, colour type ${type}, interlacing ${interlaced}, which is not supported`,
    );
  const step = (channels * bits) / 8;
  const lines = unfilter(inflate(chunks.get('IDAT') ?? []), width * step, height, step);
  const [palette, alphas] = [chunks.get('PLTE')?.[0], chunks.get('tRNS')?.[0]];
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    // The high byte of a 16-bit channel comes first.
    const channel = (index: number) => lines[pixel * step + (index * bits) / 8];
    const alpha = type === 3 ? (alphas?.[channel(0)] ?? 255) : channels % 2 === 0 ? channel(channels - 1) : 255;
    for (let rgb = 0; rgb < 3; rgb++) {
      const value = type === 3 ? (palette?.[channel(0) * 3 + rgb] ?? 0) : channel(channels < 3 ? 0 : rgb);
      data[pixel * 3 + rgb] = Math.round((value * alpha + background[rgb] * (255 - alpha)) / 255);
    }
  }
  return { width, height, data };
}

/** The contents of all chunks by type. */
function readChunks(file: Buffer): Map<string, Buffer[]> {
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new PngError('is not a PNG file');
  const chunks = new Map<string, Buffer[]>();
  for (let at = 8; at + 12 <= file.length;) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (at + 12 + length > file.length) throw new PngError('ends early');
    if (crc32(file.subarray(at + 4, at + 8 + length)) !== file.readUInt32BE(at + 8 + length))
      throw new PngError(`is damaged (checksum of ${type})`);
    chunks.set(type, [...(chunks.get(type) ?? []), file.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  return chunks;
}

function inflate(parts: readonly Buffer[]): Buffer {
  try {
    return inflateSync(Buffer.concat(parts));
  } catch (error) {
    throw new PngError(`is damaged (${(error as Error).message})`);
  }
}

/** Undoes the filter named before each line: none, left, up, average, Paeth. */
function unfilter(filtered: Buffer, line: number, height: number, step: number): Uint8Array {
  if (filtered.length < (line + 1) * height) throw new PngError('ends early');
  const lines = new Uint8Array(line * height);
  for (let row = 0; row < height; row++) {
    const filter = filtered[row * (line + 1)];
    for (let x = 0; x < line; x++) {
      const at = row * line + x;
      const left = x >= step ? lines[at - step] : 0;
      const up = row > 0 ? lines[at - line] : 0;
      const corner = x >= step && row > 0 ? lines[at - line - step] : 0;
      const guess = [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter];
      lines[at] = filtered[row * (line + 1) + 1 + x] + guess;
    }
  }
  return lines;
}

/** The neighbour nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
