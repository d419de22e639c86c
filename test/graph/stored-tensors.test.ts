/** Stored tensors reach a session in any element type of their file, whether or not some of them are converted. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { GraphBuilder } from '../../core/graph/builder.ts';
import { encodeModel } from '../../core/graph/onnx-model.ts';
import { add } from '../../core/graph/ops/elementwise.ts';
import { reduceSum } from '../../core/graph/ops/reduction.ts';
import { Session } from '../../core/graph/session.ts';

const LARGE = 2 ** 16 + 1;

/** The sum of all given tensors, each of ones times 0.5; those that are halves in their file become float32. */
async function sumOf(tensors: readonly { count: number; half: boolean }[]): Promise<{ sum: number; given: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-stored-'));
  const g = new GraphBuilder();
  const sums = tensors.map(({ count, half }, index) => {
    const name = `tensor ${index}`;
    const file = path.join(folder, `${index}.bin`);
    const data = half ? new Float16Array(count).fill(0.5) : new Float32Array(count).fill(0.5);
    writeFileSync(file, data);
    const where = { name, file, offset: 0, bytes: data.byteLength };
    return reduceSum(g, g.stored('float32', [count], half ? { ...where, from: 'F16' } : where), [0]);
  });
  g.output(
    'sum',
    sums.reduce((one, other) => add(g, one, other)),
  );
  const program = g.finish();
  const session = await Session.load(program);
  const { sum } = await session.run({});
  await session.close();
  return { sum: Number(sum.data[0]), given: encodeModel(program).given.size };
}

test('large and small tensors, unchanged and converted', async (t) => {
  const [asIs, converted, small] = [
    { count: LARGE, half: false },
    { count: LARGE, half: true },
    { count: 8, half: true },
  ];
  t.deepEqual(await sumOf([asIs]), { sum: LARGE / 2, given: 0 });
  // A small one is part of the model; the large one still stays in its file.
  t.deepEqual(await sumOf([asIs, small]), { sum: LARGE / 2 + 4, given: 0 });
  t.deepEqual(await sumOf([converted, small]), { sum: LARGE / 2 + 4, given: 1 });
  // onnxruntime reads files or memory, never both.
  t.deepEqual(await sumOf([asIs, converted, small]), { sum: LARGE + 4, given: 2 });
});
