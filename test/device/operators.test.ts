/** Every operator's value and gradient on a GPU are the CPU's. */
import { GraphBuilder } from '../../core/graph/builder.ts';
import { CPU, type ComputeDevice } from '../../core/graph/compute-device.ts';
import { gradients } from '../../core/graph/gradients.ts';
import { cast, mul } from '../../core/graph/ops/elementwise.ts';
import { scatterAddRows } from '../../core/graph/ops/movement.ts';
import { reduceSum } from '../../core/graph/ops/reduction.ts';
import { ops } from '../../core/graph/ops/registry.ts';
import { constantWords, productBelow, words } from '../../core/graph/ops/words.ts';
import type { Op, Sample } from '../../core/graph/program.ts';
import { type ArrayData, Session } from '../../core/graph/session.ts';
import { elements } from '../../core/graph/tensor.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { dtypeOf, toArray } from '../graph/sample-arrays.ts';
import { device, deviceTest } from './webgpu-device.ts';

/** All outputs of an operator, and the gradients of a weighted sum of the first. */
async function compute(op: Op, { inputs, attributes = {} }: Sample, on: ComputeDevice): Promise<number[]> {
  const feeds: ArrayData[] = inputs.map(({ data }) => toArray(data));
  const g = new GraphBuilder();
  const values = inputs.map(({ shape }, i) => g.input(`x${i}`, dtypeOf(feeds[i]), shape));
  const outputs = g.apply(op, values, attributes);
  const [y] = outputs;
  const weights = Float32Array.from({ length: elements(y.shape) }, (_, i) => Math.cos(1 + 1.7 * i));
  const axes = y.shape.map((_, axis) => axis);
  const loss = reduceSum(g, mul(g, y, g.constant(weights, y.shape)), axes);
  const floats = values.filter(({ dtype }) => dtype === 'float32');
  outputs.forEach((output, i) => g.output(`y${i}`, output));
  gradients(g, loss, floats).forEach((grad, i) => {
    if (grad) g.output(`d${floats[i].name}`, grad);
  });
  const session = await Session.load(g.finish(), { device: on });
  const results = await session.run(Object.fromEntries(values.map(({ name }, i) => [name, feeds[i]])));
  await session.close();
  return Object.values(results).flatMap(({ data }) => Array.from(data as Float32Array, Number));
}

deviceTest("every operator's value and gradient are the CPU's", async (t) => {
  for (const op of ops)
    for (const sample of op.samples) {
      const [ours, reference] = [await compute(op, sample, device), await compute(op, sample, CPU)];
      t.is(ours.length, reference.length);
      const worst = Math.max(...ours.map((x, i) => Math.abs(x - reference[i]) / Math.max(1, Math.abs(reference[i]))));
      t.true(worst < 1e-5, `${op.name} ${JSON.stringify(sample.attributes)}: worst error ${worst}`);
    }
});

deviceTest(
  "rows added to a table at repeated indices give the same bytes every time, and the CPU's sums",
  async (t) => {
    const [length, count, width] = [50, 300, 16];
    const g = new GraphBuilder();
    const shapes = { table: [length, width], at: [count], rows: [count, width] };
    const [table, at, rows] = Object.entries(shapes).map(([name, shape]) =>
      g.input(name, name === 'at' ? 'int64' : 'float32', shape),
    );
    g.output('sums', scatterAddRows(g, table, at, rows));
    const program = g.finish();
    const wave = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(1 + 1.7 * i));
    const feeds = {
      table: wave(length * width),
      // Each of 17 indices some 18 times.
      at: BigInt64Array.from({ length: count }, (_, i) => BigInt((i * i) % 17) * 2n),
      rows: wave(count * width),
    };
    const compute = async (on: ComputeDevice) => {
      const session = await Session.load(program, { device: on });
      const results: Float32Array[] = [];
      for (let run = 0; run < 6; run++) results.push((await session.run(feeds)).sums.data.slice() as Float32Array);
      await session.close();
      return results;
    };
    const [ours, [reference]] = [await compute(device), await compute(CPU)];
    for (const sums of ours) t.deepEqual(sums, ours[0]);
    t.true(ours[0].every((sum, i) => Math.abs(sum - reference[i]) < 1e-5));
  },
);

deviceTest('products of 64-bit integers are compared in words as BigInt compares them', async (t) => {
  const random = new RandomStream({ seed: 1, purpose: 'test' });
  const edges = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, 2n ** 32n - 1n, -(2n ** 32n), 2n ** 16n - 1n];
  const numbers = (count: number) => BigInt64Array.from({ length: count }, (_, i) => edges[i] ?? random.odd64());
  const [a, b] = [numbers(60), numbers(44)];
  const product = (i: number, j: number) => BigInt.asIntN(64, a[i] * b[j]);
  // The last two: products themselves, so that all of their words count.
  for (const threshold of [0n, -(2n ** 63n) + 12345n, 2n ** 62n, product(30, 30), product(40, 20)]) {
    const g = new GraphBuilder();
    const below = productBelow(
      g,
      words(g, g.input('a', 'int64', [a.length, 1])),
      constantWords(g, b, [1, b.length]),
      constantWords(g, BigInt64Array.of(threshold), []),
    );
    g.output('below', cast(g, below, 'float32'));
    const session = await Session.load(g.finish(), { device });
    const { data } = (await session.run({ a })).below;
    await session.close();
    t.deepEqual(
      Array.from(data as Float32Array, Boolean),
      Array.from(
        { length: a.length * b.length },
        (_, at) => product(Math.floor(at / b.length), at % b.length) < threshold,
      ),
    );
  }
});
