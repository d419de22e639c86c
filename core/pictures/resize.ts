/**
 * Resizing with antialiasing, bicubic or by Lanczos' kernel, in the 8-bit fixed-point arithmetic of Pillow
 * (libImaging/Resample.c), whose pixels checkpoints were trained on.
 */
import type { RgbImage } from './rgb-image.ts';

/** Bits of the fixed-point weights: 32 - 8 - 2. */
const PRECISION_BITS = 22;
/** Weights by distance in source pixels, and the distance from which they are 0. */
type Kernel = { support: number; weight: (distance: number) => number };

/**
 * Resizes along x, then y, rounding to bytes after each, as Pillow did in every release before 13 (which takes y first
 * for tall images). An image that already has the size is returned as it is.
 */
export function resizeBicubic(image: RgbImage, width: number, height: number): RgbImage {
  return resize(image, width, height, BICUBIC);
}

/** The same with three lobes of Lanczos' kernel. */
export function resizeLanczos(image: RgbImage, width: number, height: number): RgbImage {
  return resize(image, width, height, LANCZOS);
}

function resize(image: RgbImage, width: number, height: number, kernel: Kernel): RgbImage {
  const across = width === image.width ? image : resizeRows(image, width, kernel);
  return height === image.height ? across : resizeColumns(across, height, kernel);
}

function resizeRows({ width: sourceWidth, height, data }: RgbImage, width: number, kernel: Kernel): RgbImage {
  const result = new Uint8Array(width * height * 3);
  const { firsts, counts, weights, stride } = kernels(sourceWidth, width, kernel);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const source = (y * sourceWidth + firsts[x]) * 3;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 1 << (PRECISION_BITS - 1);
        for (let k = 0; k < counts[x]; k++) sum += data[source + k * 3 + channel] * weights[x * stride + k];
        result[at++] = toByte(sum);
      }
    }
  }
  return { width, height, data: result };
}

function resizeColumns({ width, height: sourceHeight, data }: RgbImage, height: number, kernel: Kernel): RgbImage {
  const line = width * 3;
  const result = new Uint8Array(line * height);
  const { firsts, counts, weights, stride } = kernels(sourceHeight, height, kernel);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < line; x++) {
      let sum = 1 << (PRECISION_BITS - 1);
      for (let k = 0; k < counts[y]; k++) sum += data[(firsts[y] + k) * line + x] * weights[y * stride + k];
      result[y * line + x] = toByte(sum);
    }
  }
  return { width, height, data: result };
}

function toByte(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/**
 * For each target pixel: its first source pixel, how many there are, and their fixed-point weights in a row of
 * `stride`.
 */
type Kernels = { firsts: Int32Array; counts: Int32Array; weights: Int32Array; stride: number };

function kernels(sourceLength: number, length: number, kernel: Kernel): Kernels {
  const scale = sourceLength / length;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const stride = Math.ceil(support) * 2 + 1;
  const [firsts, counts, weights] = [new Int32Array(length), new Int32Array(length), new Int32Array(length * stride)];
  for (let index = 0; index < length; index++) {
    const centre = (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(sourceLength, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) =>
      kernel.weight((k + first - centre + 0.5) * (1 / stretch)),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    firsts[index] = first;
    counts[index] = end - first;
    // Rounded half away from zero; the array drops the fraction.
    weights.set(
      raw.map((weight) => (weight / total) * 2 ** PRECISION_BITS + (weight < 0 ? -0.5 : 0.5)),
      index * stride,
    );
  }
  return { firsts, counts, weights, stride };
}

/** Keys' kernel with a = -0.5. */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const BICUBIC: Kernel = { support: 2, weight: bicubic };

const LANCZOS: Kernel = {
  support: 3,
  weight: (distance) => (Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0),
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
