/** Gradients that are exchanged in float16: half the bytes, and what everybody reads is what the writer kept. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { getGradient, putGradient } from '../../core/records/gradient.ts';

const store = new FileStore(mkdtempSync(path.join(tmpdir(), 'gtr-test-')));
const owner = { run: 'test', slot: 'step' };
const trained = [
  { name: 'large', shape: [30, 40] },
  { name: 'small', shape: [500] },
  { name: 'zero', shape: [7] },
];

/** Numbers around 1,000, around 1e-12, and zeros. */
function gradient(): Float32Array {
  const random = new RandomStream({ seed: 1, purpose: 'test' });
  return Float32Array.from({ length: 1707 }, (_, i) => (i < 1200 ? 1e3 : i < 1700 ? 1e-12 : 0) * random.normal());
}

test('float16 keeps eleven bits of each tensor by itself', async (t) => {
  const exact = gradient();
  const rounded = gradient();
  const ref = await putGradient(store, { trained }, rounded, 'float16', owner);
  t.true(ref.bytes < 2 * 1707 + 500);
  t.deepEqual(await getGradient(store, ref), rounded);
  for (const [from, to] of [
    [0, 1200],
    [1200, 1700],
    [1700, 1707],
  ]) {
    const largest = Math.max(...exact.subarray(from, to).map(Math.abs));
    for (let i = from; i < to; i++) {
      // 2^-11 of the number itself, and where that is far below the tensor's largest, half of float16's smallest step.
      const most = Math.max(Math.abs(exact[i]) * 2 ** -11, largest * 2 ** (-14 - 25));
      t.true(Math.abs(rounded[i] - exact[i]) <= most, `${i}: ${exact[i]} became ${rounded[i]}`);
    }
  }
  t.notDeepEqual(rounded, exact);
});

test('float32 changes nothing', async (t) => {
  const kept = gradient();
  const ref = await putGradient(store, { trained }, kept, 'float32', owner);
  t.deepEqual(kept, gradient());
  t.deepEqual(await getGradient(store, ref), kept);
});

test('a gradient that is not finite stays so, for its step to be skipped', async (t) => {
  for (const bad of [NaN, Infinity]) {
    const spoilt = gradient();
    spoilt[1300] = bad;
    const ref = await putGradient(store, { trained }, spoilt, 'float16', owner);
    const read = await getGradient(store, ref);
    t.is(read[1300], bad);
    t.deepEqual(read, spoilt);
  }
});
