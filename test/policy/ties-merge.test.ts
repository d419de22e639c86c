/** TIES merging: recorded cases, and properties of any merge. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { conformTies } from '../../core/policy/conformance-ties.ts';
import { mergeWeights, tiesMerge } from '../../core/policy/ties-merge.ts';

const golden = path.resolve(import.meta.dirname, '../golden/ties');
const shared = path.resolve(import.meta.dirname, '../../../shared/ties-reference');

for (const folder of [golden, ...(existsSync(shared) ? [shared] : [])])
  test(`${path.basename(folder)}: merged as recorded`, (t) => {
    const cases = conformTies(folder);
    t.true(cases.length >= 12);
    t.deepEqual(
      cases.filter(({ passed }) => !passed),
      [],
    );
  });

const tensor = fc.float32Array({ minLength: 1, maxLength: 40, min: -4, max: 4, noNaN: true });

test('equal checkpoints merge to themselves, whatever their weights', (t) => {
  const property = fc.property(tensor, fc.integer({ min: 1, max: 5 }), (checkpoint, count) => {
    const start = new Float64Array(checkpoint.length).fill(0.5);
    const weights = mergeWeights('sma', count, { standsFor: 3 });
    const merged = tiesMerge({ start, checkpoints: Array(count).fill(checkpoint), weights, density: 1 });
    return merged.every((value, index) => Math.abs(value - checkpoint[index]) <= 1e-12 * Math.max(1, Math.abs(value)));
  });
  t.notThrows(() => fc.assert(property, { seed: 1 }));
});

test('an opposite pair elects no sign: the start stays', (t) => {
  const merged = tiesMerge({
    start: [1, 2],
    checkpoints: [
      [2, 3],
      [0, 1],
    ],
    weights: [0.5, 0.5],
    density: 1,
  });
  t.deepEqual([...merged], [1, 2]);
});

test('a change is trimmed to its largest elements; of equal ones the first is kept', (t) => {
  // ceil(0.5 * 4) = 2 of |1|, |-2|, |1|, |1|: -2, and the first 1
  const merged = tiesMerge({ start: [0, 0, 0, 0], checkpoints: [[1, -2, 1, 1]], weights: [1], density: 0.5 });
  t.deepEqual([...merged], [1, -2, 0, 0]);
});

test('what disagrees with the elected sign does not pull the average', (t) => {
  // elected: 0.25 * 4 + 0.25 * 2 - 0.5 * 1 > 0; average of the agreeing: (0.25 * 4 + 0.25 * 2) / 0.5 = 3
  const merged = tiesMerge({ start: [0], checkpoints: [[4], [2], [-1]], weights: [0.25, 0.25, 0.5], density: 1 });
  t.deepEqual([...merged], [3]);
});

test('weights: equal; the first for those before it; halving with age', (t) => {
  t.deepEqual(mergeWeights('uniform', 4), [0.25, 0.25, 0.25, 0.25]);
  t.deepEqual(mergeWeights('sma', 3, { standsFor: 2 }), [0.5, 0.25, 0.25]);
  t.deepEqual(mergeWeights('ema', 3), [0.25, 0.25, 0.5]);
});
