/** Finds numbers that are not finite, in files and in results of a graph. */
import { readTensorBytes, type StoredDType, type TensorLocation } from './safetensors.ts';

/** Bytes that are checked together; a multiple of every element's size. */
const PART = 2 ** 26;

/** Bits of the exponent: all of them are set in NaN and the infinities, and in no other number. */
const EXPONENT: Readonly<Partial<Record<StoredDType, number>>> = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 };

/** Whether a stored tensor holds NaN or an infinity; it is read part by part. Throws `SafetensorsError`. */
export function holdsNotFinite(tensor: TensorLocation): boolean {
  const mask = EXPONENT[tensor.dtype];
  if (mask === undefined) return false;
  for (let from = 0; from < tensor.byteLength; from += PART) {
    const { buffer } = readTensorBytes({
      ...tensor,
      byteOffset: tensor.byteOffset + from,
      byteLength: Math.min(PART, tensor.byteLength - from),
    });
    const words = tensor.dtype === 'F32' ? new Uint32Array(buffer) : new Uint16Array(buffer);
    for (let at = 0; at < words.length; at++) if ((words[at] & mask) === mask) return true;
  }
  return false;
}

/** The index of the first NaN or infinity; -1 where all are finite. */
export function firstNotFinite(numbers: ArrayLike<number>): number {
  for (let at = 0; at < numbers.length; at++) if (!Number.isFinite(numbers[at])) return at;
  return -1;
}
