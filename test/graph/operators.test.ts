/** Compares the gradient rule of every operator with central differences of its own ONNX kernels. */

import { readdirSync } from 'node:fs';
import test from 'ava';
import { GraphBuilder } from '../../core/graph/builder.ts';
import { gradients } from '../../core/graph/gradients.ts';
import { encodeModel } from '../../core/graph/onnx-model.ts';
import { mul } from '../../core/graph/ops/elementwise.ts';
import { ops } from '../../core/graph/ops/registry.ts';
import { reduceSum } from '../../core/graph/ops/reduction.ts';
import type { Op, Sample, Value } from '../../core/graph/program.ts';
import { elements } from '../../core/graph/tensor.ts';
import { Session } from '../../core/graph/session.ts';
import { dtypeOf, toArray } from './sample-arrays.ts';

/** loss = sum(weights * first output), with fixed weights that make no two elements alike. */
async function check(op: Op, { inputs, attributes = {} }: Sample): Promise<number> {
  const feeds = inputs.map(({ data }) => toArray(data));
  const g = new GraphBuilder();
  const values = inputs.map(({ shape }, i) => g.input(`x${i}`, dtypeOf(feeds[i]), shape));
  const [y] = g.apply(op, values, attributes);
  const weights = Float32Array.from({ length: elements(y.shape) }, (_, i) => Math.cos(1 + 1.7 * i));
  const loss = reduceSum(
    g,
    mul(g, y, g.constant(weights, y.shape)),
    y.shape.map((_, axis) => axis),
  );
  const floats = values.filter(({ dtype }) => dtype === 'float32');
  const grads = gradients(g, loss, floats);
  g.output('loss', loss);
  grads.forEach((grad, i) => {
    if (grad) g.output(`d${floats[i].name}`, grad);
  });
  const session = await Session.load(g.finish());
  const run = () => session.run(Object.fromEntries(values.map(({ name }, i) => [name, feeds[i]])));
  const analytic = await run();
  let worst = 0;
  for (const { name } of floats.filter((_, i) => grads[i])) {
    const x = feeds[Number(name.slice(1))] as Float32Array;
    for (let i = 0; i < x.length; i++) {
      // f' = (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h, error h^4: a wide step drowns float32 rounding
      const h = 0.03;
      const at = x[i];
      const f: number[] = [];
      for (const step of [h, -h, 2 * h, -2 * h]) {
        x[i] = at + step;
        f.push(Number((await run()).loss.data[0]));
      }
      x[i] = at;
      const numeric = (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * h);
      const error = Math.abs(numeric - Number(analytic[`d${name}`].data[i])) / Math.max(1, Math.abs(numeric));
      worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
    }
  }
  await session.close();
  return worst;
}

for (const op of ops) {
  if (typeof op.vjp !== 'function') continue;
  test(`${op.name}: gradient rule agrees with central differences`, async (t) => {
    t.true(op.samples.length > 0, `${op.name} has a gradient rule but no samples`);
    for (const sample of op.samples)
      t.true(
        (await check(op, sample)) < 1e-3,
        `${op.name} ${JSON.stringify(sample.attributes)}: worst error ${await check(op, sample)}`,
      );
  });
}

test('a model can only hold operators of the registry, where gradients are checked', (t) => {
  const g = new GraphBuilder();
  const private_ = { ...ops.find(({ name }) => name === 'Neg')!, name: 'Private' };
  g.output('y', g.apply(private_, [g.input('x', 'float32', [2])], {})[0]);
  t.throws(() => encodeModel(g.finish()), {
    message: 'operator Private is not exported from a file of core/graph/ops that the registry reads',
  });
});

test('every file of operators is in the registry', async (t) => {
  const folder = new URL('../../core/graph/ops/', import.meta.url);
  for (const file of readdirSync(folder)) {
    const exported = Object.values((await import(new URL(file, folder).href)) as Record<string, unknown>);
    const found = exported.filter((one) => typeof one === 'object' && one !== null && 'emit' in one);
    for (const op of found as Op[]) t.true(ops.includes(op), `${file}: ${op.name}`);
  }
});

test('operator names are unique', (t) => {
  t.is(new Set(ops.map(({ name }) => name)).size, ops.length);
});

test('differentiating a forbidden operator names it', (t) => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [2, 3]);
  const total = (value: Value): Value => reduceSum(g, value, [0, 1]);
  const forbidden = ops.find(({ name }) => name === 'CumulativeSum')!;
  t.throws(() => gradients(g, total(g.apply(forbidden, [x], {})[0]), [x]), {
    message: 'CumulativeSum cannot be differentiated',
  });
});
