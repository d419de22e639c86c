/**
 * The part of protocol buffers' wire format that an ONNX file needs: varints, 32-bit floats, and length-delimited
 * fields.
 */

/** Appends fields to a growing buffer. Field numbers are those of the message's definition. */
export class MessageWriter {
  #buffer = Buffer.alloc(256);
  #length = 0;

  /** An integer field (int32, int64, enum); negative numbers take ten bytes, as the format requires. */
  int(field: number, value: number | bigint): this {
    this.#varint(BigInt(field << 3));
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** A `float` field. */
  float(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 5));
    this.#reserve(4);
    this.#length = this.#buffer.writeFloatLE(value, this.#length);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'));
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(BigInt((field << 3) | 2));
    this.#varint(BigInt(value.byteLength));
    this.#reserve(value.byteLength);
    this.#buffer.set(value, this.#length);
    this.#length += value.byteLength;
    return this;
  }

  /** A nested message. */
  message(field: number, write: (nested: MessageWriter) => void): this {
    const nested = new MessageWriter();
    write(nested);
    return this.bytes(field, nested.finish());
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #varint(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(2 * this.#buffer.length, this.#length + bytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
