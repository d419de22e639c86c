/** Bicubic resizing with antialiasing in the 8-bit fixed-point arithmetic of Pillow, whose pixels checkpoints were trained on. */
import type { RgbImage } from '../envs/env.ts';

/** Bits of the fixed-point weights: 32 - 8 - 2. */
const PRECISION_BITS = 22;
/** Half width of the kernel at full size, in source pixels. */
const SUPPORT = 2;

/** Resizes along x, then y, rounding to bytes after each, as Pillow does. */
export function resizeBicubic(image: RgbImage, width: number, height: number): RgbImage {
  const { width: sourceWidth, height: sourceHeight } = image;
  const narrow = width === sourceWidth ? image.data : resizeLines(image.data, { lines: sourceHeight, length: sourceWidth, lineStride: sourceWidth * 3, stride: 3 }, width, { lineStride: width * 3, stride: 3, size: width * sourceHeight * 3 });
  const data = height === sourceHeight ? narrow : resizeLines(narrow, { lines: width, length: sourceHeight, lineStride: 3, stride: width * 3 }, height, { lineStride: 3, stride: width * 3, size: width * height * 3 });
  return { width, height, data };
}

type Lines = { lines: number; length: number; lineStride: number; stride: number };

function resizeLines(source: Uint8Array, from: Lines, length: number, to: { lineStride: number; stride: number; size: number }): Uint8Array {
  const result = new Uint8Array(to.size);
  const windows = Array.from({ length }, (_, index) => kernelWindow(index, from.length, length));
  for (let line = 0; line < from.lines; line++) {
    for (const [index, { first, weights }] of windows.entries()) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 2 ** (PRECISION_BITS - 1);
        for (const [offset, weight] of weights.entries()) sum += source[line * from.lineStride + (first + offset) * from.stride + channel] * weight;
        result[line * to.lineStride + index * to.stride + channel] = Math.max(0, Math.min(255, Math.floor(sum / 2 ** PRECISION_BITS)));
      }
    }
  }
  return result;
}

/** Source pixels of one target pixel and their fixed-point weights. */
function kernelWindow(index: number, sourceLength: number, length: number): { first: number; weights: number[] } {
  const scale = sourceLength / length;
  const stretch = Math.max(scale, 1);
  const centre = (index + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - SUPPORT * stretch + 0.5));
  const end = Math.min(sourceLength, Math.trunc(centre + SUPPORT * stretch + 0.5));
  const raw = Array.from({ length: end - first }, (_, offset) => bicubic((offset + first - centre + 0.5) / stretch));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return { first, weights: raw.map((weight) => Math.trunc((weight / total) * 2 ** PRECISION_BITS + (weight < 0 ? -0.5 : 0.5))) };
}

/** Keys' kernel with a = -0.5. */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
