/** TFRecord framing: length, masked CRC of the length, content, masked CRC of the content. */

/** One record around `content`. */
export function tfRecord(content: Uint8Array): Buffer {
  const record = Buffer.alloc(8 + 4 + content.byteLength + 4);
  record.writeBigUInt64LE(BigInt(content.byteLength), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(content, 12);
  record.writeUInt32LE(maskedCrc(content), 12 + content.byteLength);
  return record;
}

/** The complete records of a file from its start; `end`: the offset after a record. */
export function readTfRecords(file: Buffer): { content: Buffer; end: number }[] {
  const records: { content: Buffer; end: number }[] = [];
  for (let at = 0; at + 16 <= file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    const end = at + 12 + length + 4;
    if (end > file.length || file.readUInt32LE(at + 8) !== maskedCrc(file.subarray(at, at + 8))) break;
    const content = file.subarray(at + 12, at + 12 + length);
    if (file.readUInt32LE(end - 4) !== maskedCrc(content)) break;
    records.push({ content, end });
    at = end;
  }
  return records;
}

/** CRC-32C, the Castagnoli polynomial (RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** 0x1edc6f41 with its bits reversed, as the table works from the lowest bit. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** Rotated and shifted, since a CRC over data that holds its own CRC would be weak. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
