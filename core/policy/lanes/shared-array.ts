/** A float32 vector shared with a child process: large ones would take seconds through the channel between them. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type Koffi from 'koffi';

/** Bytes that one call reads or writes; Node takes less than 2 GiB. */
const CHUNK = 2 ** 30;
/** Other programs that the process starts do not see the file. */
const MFD_CLOEXEC = 1;

export class SharedArray {
  readonly #descriptor: number;

  /** On an open file: the parent's own, or the one that the child was given in `stdio`. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** In a file without a name, which disappears with the last process that has it open; on Linux it is in memory. */
  static create(): SharedArray {
    if (process.platform === 'linux') {
      // Loaded here: where graphs run on the CPU, nothing needs it.
      const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
      const open = koffi.load(null).func('int memfd_create(const char *name, unsigned int flags)');
      return new SharedArray(open('gtr-lane', MFD_CLOEXEC) as number);
    }
    const folder = mkdtempSync(path.join(tmpdir(), 'gtr-lane-'));
    const descriptor = openSync(path.join(folder, 'array'), 'w+');
    rmSync(folder, { recursive: true });
    return new SharedArray(descriptor);
  }

  /** For `stdio` of the child. */
  get descriptor(): number {
    return this.#descriptor;
  }

  write(array: Float32Array): void {
    const bytes = bytesOf(array);
    for (let at = 0; at < bytes.length;)
      at += writeSync(this.#descriptor, bytes, at, Math.min(CHUNK, bytes.length - at), at);
  }

  /** Fills `array` with what was last written. Throws if that is shorter. */
  read(array: Float32Array): Float32Array {
    const bytes = bytesOf(array);
    for (let at = 0; at < bytes.length;) {
      const count = readSync(this.#descriptor, bytes, at, Math.min(CHUNK, bytes.length - at), at);
      if (count === 0) throw new RangeError(`a shared array has ${at} bytes, not ${bytes.length}`);
      at += count;
    }
    return array;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
