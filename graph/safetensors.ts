/** The safetensors format: a JSON header with types, shapes and places, then the bytes. Files are read in place; writing gives the same bytes for the same tensors. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Element types that can be read, all of them as float32: whole numbers are exact up to 2^24, which token ids never reach. */
export type StoredDType = 'F32' | 'F16' | 'BF16' | 'I32' | 'I64';

/** Where a tensor lies in its file. */
export type TensorLocation = { name: string; dtype: StoredDType; shape: readonly number[]; file: string; byteOffset: number; byteLength: number };

/** A file that is not what it should be; the message names it and what to do. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
}

const ELEMENT_BYTES: Readonly<Record<StoredDType, number>> = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8 };
/** Longest header that the format allows. */
const LONGEST_HEADER = 100_000_000;

type Header = { tensors: TensorLocation[]; metadata: Record<string, string> };

/** The tensors of a file by name, from its header alone. Throws `SafetensorsError` when the file is damaged or cut short. */
export function readSafetensorsHeader(file: string): Header {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const length = size < 8 ? 0 : Number(read(descriptor, 0, 8).readBigUInt64LE());
    if (size < 8 || length > LONGEST_HEADER || 8 + length > size) throw damaged(file, 'its header does not fit the file');
    return parseHeader(read(descriptor, 8, length), size, file);
  } finally {
    closeSync(descriptor);
  }
}

/** One tensor as float32. */
export function readTensor({ file, dtype, byteOffset, byteLength }: TensorLocation): Float32Array {
  const descriptor = openSync(file, 'r');
  try {
    return toFloat32(read(descriptor, byteOffset, byteLength), dtype);
  } finally {
    closeSync(descriptor);
  }
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
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = buffer.length < 8 ? -1 : Number(buffer.readBigUInt64LE());
  if (length < 0 || 8 + length > buffer.length) throw damaged(origin, 'its header does not fit');
  const { tensors, metadata } = parseHeader(buffer.subarray(8, 8 + length), buffer.length, origin);
  const decoded = new DecodedTensors(metadata);
  for (const { name, shape, dtype, byteOffset, byteLength } of tensors) decoded.set(name, { shape, data: toFloat32(buffer.subarray(byteOffset, byteOffset + byteLength), dtype) });
  return decoded;
}

/** Float32 tensors as one safetensors content, in the given order. */
export function encodeSafetensors(tensors: readonly { name: string; shape: readonly number[]; data: Float32Array }[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  let offset = 0;
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  for (const { name, shape, data } of tensors) entries.push([name, { dtype: 'F32', shape, data_offsets: [offset, (offset += data.byteLength)] }]);
  const json = JSON.stringify(Object.fromEntries(entries));
  // Padded with blanks so that the tensors lie at multiples of 8 bytes.
  const header = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - (Buffer.byteLength(json) - json.length)));
  const result = new Uint8Array(8 + header.length + offset);
  new DataView(result.buffer).setBigUint64(0, BigInt(header.length), true);
  result.set(header, 8);
  let position = 8 + header.length;
  for (const { data } of tensors) {
    result.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return result;
}

function parseHeader(json: Buffer, fileSize: number, origin: string): Header {
  let content: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  try {
    content = JSON.parse(json.toString('utf8')) as typeof content;
  } catch {
    throw damaged(origin, 'its header is no JSON');
  }
  const start = 8 + json.length;
  const { __metadata__: metadata = {}, ...entries } = content as typeof content & { __metadata__?: Record<string, string> };
  const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets: [from, to] }]): TensorLocation => {
    if (!(dtype in ELEMENT_BYTES)) throw new SafetensorsError(`${origin}: tensor ${name} has element type ${dtype}; only F32, F16, BF16, I32 and I64 can be read`);
    const bytes = shape.reduce((product, length) => product * length, ELEMENT_BYTES[dtype as StoredDType]);
    if (to - from !== bytes || from < 0) throw damaged(origin, `tensor ${name} of shape ${shape.join('x')} does not take ${to - from} bytes`);
    if (start + to > fileSize) throw damaged(origin, `tensor ${name} ends behind the end of the file`);
    return { name, dtype: dtype as StoredDType, shape, file: origin, byteOffset: start + from, byteLength: bytes };
  });
  return { tensors, metadata: metadata as Record<string, string> };
}

function damaged(origin: string, what: string): SafetensorsError {
  return new SafetensorsError(`${origin} is damaged or cut short: ${what}; fetch or make the file again`);
}

function read(descriptor: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, buffer, done, length - done, position + done);
    if (count === 0) throw new SafetensorsError('the file ended while it was read');
    done += count;
  }
  return buffer;
}

function toFloat32(bytes: Buffer, dtype: StoredDType): Float32Array {
  // A copy: a tensor may begin at any byte.
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return Float32Array.from(new Float16Array(buffer));
    case 'BF16':
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
  }
}
