/** Reading what the safetensors library wrote, writing what it reads, and one clear sentence for every damaged file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensorsHeader,
  readTensor,
  readTensorBytes,
  SafetensorsError,
  safetensorsHeader,
} from '../../core/graph/safetensors.ts';

/** scripts/golden/element-types.py */
const golden = path.resolve(import.meta.dirname, '../golden/element-types.safetensors');

function file(t: { teardown(fn: () => void): void }, content: Uint8Array): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-safetensors-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'model.safetensors'), content);
  return path.join(folder, 'model.safetensors');
}

/** A file with this header and `bytes` bytes of data. */
function withHeader(header: unknown, bytes: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(bytes)]);
}

const entry = (dtype: string, shape: number[], from: number, to: number) => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

test('every element type reads as float32 exactly as torch converts it', (t) => {
  const { tensors, metadata } = readSafetensorsHeader(golden);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const decoded = decodeSafetensors(readFileSync(golden), golden);
  t.deepEqual(metadata, { format: 'pt', 'made by': 'safetensors' });
  t.is(decoded.size, 16);
  for (const name of ['f32', 'f16', 'bf16', 'i32', 'i64', 'scalar', 'empty', 'odd']) {
    const expected = readTensor(byName.get(`expected.${name}`)!);
    t.deepEqual(readTensor(byName.get(name)!), expected, name);
    t.deepEqual(decoded.get(name)!.data, expected, name);
  }
  t.is(readTensor(byName.get('odd')!)[0], 1.5);
  t.deepEqual(byName.get('scalar')!.shape, []);
  t.deepEqual(byName.get('empty')!.shape, [0, 3]);
});

test('written tensors are read back in order, whatever their names', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.record({ name: fc.oneof(fc.string({ minLength: 1 }), fc.nat().map(String)), data: fc.float32Array() }),
        { selector: ({ name }) => name },
      ),
      (content) => {
        const tensors = content
          .filter(({ name }) => name !== '__metadata__')
          .map(({ name, data }) => ({ name, shape: [data.length], data }));
        const bytes = encodeSafetensors(tensors, { step: '3' });
        const decoded = decodeSafetensors(bytes, 'memory');
        t.is(decoded.metadata.step, '3');
        t.is(decoded.size, tensors.length);
        for (const { name, data } of tensors)
          t.deepEqual(
            Buffer.from(decoded.get(name)!.data.buffer),
            Buffer.from(data.buffer, data.byteOffset, data.byteLength),
          );
        // The tensors' bytes begin at a multiple of 8.
        t.is(new DataView(bytes.buffer).getUint32(0, true) % 8, 0);
      },
    ),
    { numRuns: 100 },
  );
});

test('the same tensors give the same bytes', (t) => {
  const tensors = [
    { name: 'b', shape: [2, 1], data: new Float32Array([1, 2]) },
    { name: 'a', shape: [], data: new Float32Array([3]) },
  ];
  const json =
    '{"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}';
  const bytes = encodeSafetensors(tensors);
  t.is(Buffer.from(bytes.subarray(8, -12)).toString().trimEnd(), json);
  t.deepEqual(encodeSafetensors(tensors), bytes);
  t.deepEqual(bytes.slice(-12), new Uint8Array(new Float32Array([1, 2, 3]).buffer));
  t.throws(() => encodeSafetensors([{ ...tensors[0], shape: [3] }]), {
    message: /tensor b of shape \[3\] has 2 elements/,
  });
  t.throws(() => safetensorsHeader([0, 1].map(() => ({ name: 'a', dtype: 'F16', shape: [1] }))), {
    message: /two tensors are called a/,
  });
});

test('stored bytes come back as they are', (t) => {
  const [tensor] = readSafetensorsHeader(golden).tensors.filter(({ name }) => name === 'odd');
  t.deepEqual([...readTensorBytes(tensor)], [0xc0, 0x3f]);
});

const two = { a: entry('F32', [2], 0, 8), b: entry('F16', [2, 2], 8, 16) };

for (const [what, content, message] of [
  ['nothing', new Uint8Array(0), /has 0 bytes/],
  ['text', Buffer.from('<html>not found</html>'), /does not begin with the length/],
  ['a header that is cut', withHeader(two, 16).subarray(0, 40), /its header takes \d+ bytes, the file has 40/],
  ['data that is cut', withHeader(two, 15), /tensor b ends at byte \d+, the file at \d+/],
  ['too much data', withHeader(two, 20), /4 bytes follow its last tensor/],
  ['no JSON', withHeader('{"a":', 0), /its header is not JSON;/],
  ['no object', withHeader([1], 0), /not a JSON object/],
  [
    'an entry without a shape',
    withHeader({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4),
    /entry of tensor a is malformed/,
  ],
  ['a negative length', withHeader({ a: entry('F32', [-1], 0, 4) }, 4), /entry of tensor a is malformed/],
  ['an unknown type', withHeader({ a: entry('F8_E4M3', [4], 0, 4) }, 4), /tensor a has element type F8_E4M3; only F32/],
  ['a type named like a method', withHeader({ a: entry('toString', [4], 0, 4) }, 4), /element type toString/],
  [
    'a length that does not fit the shape',
    withHeader({ a: entry('F32', [3], 0, 8) }, 8),
    /tensor a of shape \[3\] and type F32 takes 12 bytes, not 8/,
  ],
  ['an overlap', withHeader({ a: entry('F32', [2], 0, 8), b: entry('F32', [2], 4, 12) }, 12), /tensor b overlaps/],
  ['a hole', withHeader({ a: entry('F32', [2], 0, 8), b: entry('F32', [2], 12, 20) }, 20), /tensor b does not follow/],
] as const) {
  test(`a file with ${what} gives one sentence that names it`, (t) => {
    const name = file(t, content);
    for (const open of [() => readSafetensorsHeader(name), () => decodeSafetensors(content, name)]) {
      const error = t.throws(open, { instanceOf: SafetensorsError, message });
      t.true(error.message.startsWith(name));
      t.regex(error.message, /; (fetch or make the file again|only .* convert the file)$/);
      t.notRegex(error.message, /\n/);
    }
  });
}

test('a file that is missing, or shrinks after its header was read, is named', (t) => {
  t.throws(() => readSafetensorsHeader('/no/such/model.safetensors'), {
    instanceOf: SafetensorsError,
    message: /^\/no\/such\/model\.safetensors cannot be opened .*check the path/,
  });
  const name = file(t, withHeader(two, 16));
  const [, tensor] = readSafetensorsHeader(name).tensors;
  writeFileSync(name, readFileSync(name).subarray(0, -3));
  t.throws(() => readTensor(tensor), { instanceOf: SafetensorsError, message: /ends at byte/ });
});
