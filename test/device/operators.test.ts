/** Every operator's value and gradient on a GPU are the CPU's. */
import { GraphBuilder } from '../../core/graph/builder.ts';
import { CPU, type ComputeDevice } from '../../core/graph/compute-device.ts';
import { gradients } from '../../core/graph/gradients.ts';
import { mul } from '../../core/graph/ops/elementwise.ts';
import { scatterAddRows } from '../../core/graph/ops/movement.ts';
import { reduceSum } from '../../core/graph/ops/reduction.ts';
import { ops } from '../../core/graph/ops/registry.ts';
import type { Op, Sample } from '../../core/graph/program.ts';
import { type ArrayData, Session } from '../../core/graph/session.ts';
import { elements } from '../../core/graph/tensor.ts';
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
