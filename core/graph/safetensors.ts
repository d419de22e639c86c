/**
 * The safetensors format: a JSON header with types, shapes and places, then the bytes. Files are read in place; writing
 * gives the same bytes for the same tensors.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { elements } from './tensor.ts';

/**
 * Element types that can be read, all of them as float32: whole numbers are exact up to 2^24, which token ids never
 * reach.
 */
export type StoredDType = 'F32' | 'F64' | 'F16' | 'BF16' | 'I32' | 'I64';

/** Where a tensor lies in its file. */
export type TensorLocation = {
  name: string;
  dtype: StoredDType;
  shape: readonly number[];
  file: string;
  byteOffset: number;
  byteLength: number;
};

/** A damaged or unsupported file; the message names it and says what to do. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
}

const ELEMENT_BYTES: Readonly<Record<StoredDType, number>> = { F32: 4, F64: 8, F16: 2, BF16: 2, I32: 4, I64: 8 };
/** Longest header that the format allows. */
const LONGEST_HEADER = 100_000_000;
/** Length of the number in front of the header. */
const PREFIX_BYTES = 8;
/** One read call takes less than 2 GiB. */
const LONGEST_READ = 2 ** 30;

type Header = { tensors: TensorLocation[]; metadata: Record<string, string> };

/**
 * The tensors of a file from its header alone, in the order of their bytes. Throws `SafetensorsError` when the file is
 * missing, damaged or cut short.
 */
export function readSafetensorsHeader(file: string): Header {
  return withFile(file, (descriptor) => {
    const { size } = fstatSync(descriptor);
    if (size < PREFIX_BYTES) throw damaged(file, `it has ${size} bytes, less than the length of a header takes`);
    const length = headerLength(read(descriptor, file, 0, PREFIX_BYTES), size, file);
    return parseHeader(read(descriptor, file, PREFIX_BYTES, length), size, file);
  });
}

/** One tensor as float32. */
export function readTensor(location: TensorLocation): Float32Array {
  return toFloat32(readTensorBytes(location), location.dtype);
}

/** One tensor as it is stored. [byteLength] */
export function readTensorBytes({ file, byteOffset, byteLength }: TensorLocation): Uint8Array {
  return withFile(file, (descriptor) => read(descriptor, file, byteOffset, byteLength));
}

/** Tensors decoded from memory. */
export class DecodedTensors extends Map<string, { shape: readonly number[]; data: Float32Array }> {
  readonly metadata: Readonly<Record<string, string>>;

  constructor(metadata: Record<string, string>) {
    super();
    this.metadata = metadata;
  }
}

/** Decodes a whole safetensors content; `origin` names it in errors. */
export function decodeSafetensors(bytes: Uint8Array, origin: string): DecodedTensors {
  if (bytes.length < PREFIX_BYTES)
    throw damaged(origin, `it has ${bytes.length} bytes, less than the length of a header takes`);
  const end = PREFIX_BYTES + headerLength(bytes, bytes.length, origin);
  const { tensors, metadata } = parseHeader(bytes.subarray(PREFIX_BYTES, end), bytes.length, origin);
  const decoded = new DecodedTensors(metadata);
  for (const { name, shape, dtype, byteOffset, byteLength } of tensors)
    decoded.set(name, { shape, data: toFloat32(bytes.subarray(byteOffset, byteOffset + byteLength), dtype) });
  return decoded;
}

/** Float32 tensors as one safetensors content, in the given order. */
export function encodeSafetensors(
  tensors: readonly { name: string; shape: readonly number[]; data: Float32Array }[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const parts = safetensorsPieces(tensors, metadata);
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }
  return result;
}

/** The same in pieces that are the tensors' own memory, without copying. */
export function safetensorsPieces(
  tensors: readonly { name: string; shape: readonly number[]; data: Float32Array }[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  return [
    safetensorsHeader(
      tensors.map(({ name, shape }) => ({ name, shape, dtype: 'F32' })),
      metadata,
    ),
    ...tensors.map(({ name, shape, data }) => {
      if (data.length !== elements(shape))
        throw new RangeError(`tensor ${name} of shape [${shape.join(', ')}] has ${data.length} elements`);
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }),
  ];
}

/**
 * The beginning of a file whose tensors' bytes follow in the given order without gaps, so that large files can be
 * written in parts.
 */
export function safetensorsHeader(
  tensors: readonly { name: string; dtype: StoredDType; shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const seen = new Set<string>();
  let offset = 0;
  // Written by hand: a JavaScript object would move names that look like numbers to the front.
  const entries = tensors.map(({ name, dtype, shape }) => {
    if (seen.has(name)) throw new RangeError(`two tensors are called ${name}`);
    seen.add(name);
    const from = offset;
    offset += ELEMENT_BYTES[dtype] * elements(shape);
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [from, offset] })}`;
  });
  if (Object.keys(metadata).length > 0) entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = Buffer.from(`{${entries.join()}}`);
  // Padded with blanks so that the tensors begin at a multiple of 8 bytes.
  const header = Buffer.alloc(PREFIX_BYTES + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - PREFIX_BYTES));
  json.copy(header, PREFIX_BYTES);
  return header;
}

function headerLength(prefix: Uint8Array, size: number, origin: string): number {
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (length > LONGEST_HEADER) throw damaged(origin, 'it does not begin with the length of a header');
  if (PREFIX_BYTES + length > size) throw damaged(origin, `its header takes ${length} bytes, the file has ${size}`);
  return length;
}

function parseHeader(json: Uint8Array, size: number, origin: string): Header {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    throw damaged(origin, 'its header is not JSON');
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw damaged(origin, 'its header is not a JSON object');
  const { __metadata__: metadata = {}, ...entries } = content as Record<string, unknown>;
  const start = PREFIX_BYTES + json.length;
  const tensors = Object.entries(entries).map(([name, entry]) => locate(name, entry, start, origin));
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let end = start;
  for (const { name, byteOffset, byteLength } of tensors) {
    if (byteOffset !== end)
      throw damaged(
        origin,
        `tensor ${name} ${byteOffset < end ? 'overlaps the one before it' : 'does not follow the one before it'}`,
      );
    end += byteLength;
    if (end > size) throw damaged(origin, `tensor ${name} ends at byte ${end}, the file at ${size}`);
  }
  if (end < size) throw damaged(origin, `${size - end} bytes follow its last tensor`);
  return { tensors, metadata: metadata as Record<string, string> };
}

function locate(name: string, entry: unknown, start: number, origin: string): TensorLocation {
  const {
    dtype,
    shape,
    data_offsets: offsets,
  } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (
    !Array.isArray(shape) ||
    !shape.every(isCount) ||
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isCount)
  )
    throw damaged(origin, `the header's entry of tensor ${name} is malformed`);
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_BYTES, dtype))
    throw new SafetensorsError(
      `${origin}: tensor ${name} has element type ${String(dtype)}; only F32, F64, F16, BF16, I32 and I64 ` +
        'can be read: convert the file',
    );
  const [from, to] = offsets as [number, number];
  const byteLength = ELEMENT_BYTES[dtype as StoredDType] * elements(shape);
  if (to - from !== byteLength)
    throw damaged(
      origin,
      `tensor ${name} of shape [${shape.join(', ')}] and type ${dtype} takes ${byteLength} bytes, not ${to - from}`,
    );
  return { name, dtype: dtype as StoredDType, shape, file: origin, byteOffset: start + from, byteLength };
}

function damaged(origin: string, what: string): SafetensorsError {
  return new SafetensorsError(`${origin} is damaged or cut short: ${what}; fetch or make the file again`);
}

function withFile<T>(file: string, use: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw new SafetensorsError(
      `${file} cannot be opened (${(error as Error).message}); check the path and its permissions`,
    );
  }
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function read(descriptor: number, file: string, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, Math.min(length - done, LONGEST_READ), position + done);
    if (count === 0) throw damaged(file, `it ends at byte ${position + done}, inside the bytes to be read`);
    done += count;
  }
  return bytes;
}

function toFloat32(bytes: Uint8Array, dtype: StoredDType): Float32Array {
  // A part of a larger buffer is copied: typed arrays must begin at a multiple of their element size, tensors may begin
  // anywhere.
  const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
  const { buffer } = whole;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float32Array(new Float64Array(buffer));
    case 'F16':
      return new Float32Array(new Float16Array(buffer));
    case 'BF16': {
      // The upper half of a float32.
      const halves = new Uint16Array(buffer);
      const words = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
      return new Float32Array(words.buffer);
    }
    case 'I32':
      return new Float32Array(new Int32Array(buffer));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
  }
}

/** Numbers as stored bytes, rounded to the nearest (ties to even). [elements * bytes of the type] */
export function fromFloat32(data: Float32Array, dtype: 'F32' | 'F16' | 'BF16'): Uint8Array {
  switch (dtype) {
    case 'F32':
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    case 'F16':
      return new Uint8Array(new Float16Array(data).buffer);
    case 'BF16': {
      const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
      const halves = new Uint16Array(words.length);
      for (let i = 0; i < words.length; i++) {
        const word = words[i];
        // Rounding a NaN up could make it an infinity or wrap around: keep its upper half, quiet.
        halves[i] =
          (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
      }
      return new Uint8Array(halves.buffer);
    }
  }
}
