/** Building, checking, printing, differentiating and running small programs whose results can be worked out by hand. */
import test from 'ava';
import { GraphBuilder } from '../../core/graph/builder.ts';
import { gradients } from '../../core/graph/gradients.ts';
import { add, exp, greater, less, mul, neg, sigmoid } from '../../core/graph/ops/elementwise.ts';
import { gemm } from '../../core/graph/ops/linear-algebra.ts';
import { loop } from '../../core/graph/ops/loop.ts';
import { concat, reshape, zeros } from '../../core/graph/ops/movement.ts';
import { reduceSum } from '../../core/graph/ops/reduction.ts';
import { executionOrder, runMemory } from '../../core/graph/memory.ts';
import { Session } from '../../core/graph/session.ts';
import { GraphError, UNKNOWN } from '../../core/graph/tensor.ts';
import { typeCheck } from '../../core/graph/type-check.ts';

const numbers = (data: ArrayLike<number | bigint>): number[] => Array.from(data as ArrayLike<number>, Number);

test('inputs that do not fit are refused where they are applied, with both types', (t) => {
  const g = new GraphBuilder();
  t.throws(() => add(g, g.input('a', 'float32', [2, 3]), g.input('b', 'float32', [2])), {
    instanceOf: GraphError,
    message: 'Add(float32[2,3], float32[2]) {}: shapes [2,3] and [2] do not broadcast',
  });
});

test('a program whose nodes stand in the wrong order does not pass the type check', (t) => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [2]);
  g.output('y', neg(g, mul(g, x, x)));
  const program = g.finish();
  t.notThrows(() => typeCheck(program));
  t.throws(() => typeCheck({ ...program, nodes: program.nodes.toReversed() }), {
    instanceOf: GraphError,
    message: /before it is defined/,
  });
});

test('equal applications are one node, unused ones none', (t) => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [2]);
  neg(g, neg(g, x));
  g.output('y', add(g, mul(g, x, x), mul(g, x, x)));
  t.deepEqual(
    g.finish().nodes.map(({ op }) => op.name),
    ['Mul', 'Add'],
  );
});

test('a value used twice sums its gradients, stretched axes are summed once: d/db of sum((a + b) a)', async (t) => {
  const g = new GraphBuilder();
  const a = g.input('a', 'float32', [2, 2]);
  const b = g.input('b', 'float32', [2]);
  const [da, db] = gradients(g, reduceSum(g, mul(g, add(g, a, b), a), [0, 1]), [a, b]);
  g.output('da', da!);
  g.output('db', db!);
  const session = await Session.load(g.finish());
  const result = await session.run({ a: Float32Array.of(1, 2, 3, 4), b: Float32Array.of(10, 20) });
  // da = 2a + b: 12, 24, 16, 28; db = column sums of a: 1 + 3, 2 + 4
  t.deepEqual(numbers(result.da.data), [12, 24, 16, 28]);
  t.deepEqual(numbers(result.db.data), [4, 6]);
  await session.close();
});

test('a value that the loss does not depend on has no gradient, rather than zero', (t) => {
  const g = new GraphBuilder();
  const [x, unused] = [g.input('x', 'float32', [2]), g.input('unused', 'float32', [2])];
  t.is(gradients(g, reduceSum(g, x, [0]), [unused])[0], null);
  t.throws(() => gradients(g, x, [x]), { message: 'a loss is a scalar, not [2]' });
});

test(
  'a gradient sum rides in the matrix product, and the product of weights ' + 'runs before what lies in front of it',
  (t) => {
    const g = new GraphBuilder();
    const [x, w] = [g.input('x', 'float32', [2, 2]), g.input('w', 'float32', [2, 2])];
    const y = gemm(g, gemm(g, x, w), w);
    const [dw] = gradients(g, reduceSum(g, y, [0, 1]), [w]);
    g.output('dw', dw!);
    const program = g.finish();
    t.is(program.nodes.filter(({ op }) => op.name === 'Add').length, 0);
    t.is(program.nodes.at(-1)!.inputs.length, 3);
  },
);

test('a loop carries a growing state, collects a scan and stops early', async (t) => {
  const g = new GraphBuilder();
  const limit = g.input('limit', 'float32', []);
  const { states, scans } = loop(
    g,
    {
      trips: 10,
      go: greater(g, limit, g.scalar(0)),
      states: { sum: g.scalar(0), tail: zeros(g, [0]) },
      grows: { tail: { dtype: 'float32', shape: [UNKNOWN] } },
    },
    (b, { states: { sum, tail } }) => {
      const next = add(b, sum, b.scalar(1));
      return {
        go: less(b, next, limit),
        states: { sum: next, tail: concat(b, [tail, reshape(b, next, [1])], 0) },
        scans: { doubled: add(b, next, next) },
      };
    },
  );
  g.output('sum', states.sum);
  g.output('tail', states.tail);
  g.output('doubled', scans.doubled);
  const session = await Session.load(g.finish());
  const result = await session.run({ limit: Float32Array.of(3) });
  t.deepEqual(
    [numbers(result.sum.data), numbers(result.tail.data), numbers(result.doubled.data)],
    [[3], [1, 2, 3], [2, 4, 6]],
  );
  // No turn at all: the states are as they began.
  t.deepEqual(numbers((await session.run({ limit: Float32Array.of(0) })).sum.data), [0]);
  await session.close();
});

test('an output may be written into the buffer of an input: accumulation in place', async (t) => {
  const g = new GraphBuilder();
  const [x, total] = [g.input('x', 'float32', [1, 2]), g.input('total', 'float32', [2, 2])];
  g.output('next', gemm(g, x, x, { transA: true, added: total }));
  const session = await Session.load(g.finish());
  const buffer = Float32Array.of(1, 1, 1, 1);
  for (let run = 0; run < 2; run++) await session.run({ x: Float32Array.of(1, 2), total: buffer }, { next: buffer });
  // 1 + 2 x [1 2; 2 4]
  t.deepEqual(numbers(buffer), [3, 5, 5, 9]);
  await t.throwsAsync(session.run({ x: Float32Array.of(1), total: buffer }), {
    message: 'input x has 1 elements, not the 2 of [1,2]',
  });
  await session.close();
});

test(
  'a recomputed segment has the same gradients, holds less at a time, and runs again only once the gradient is ' +
    'there',
  async (t) => {
    // Eight layers of y = exp(-y) sigmoid(y + 1).
    const build = (checkpointed: boolean) => {
      const g = new GraphBuilder();
      const x = g.input('x', 'float32', [64]);
      let y = mul(g, x, g.scalar(0.5));
      for (let layer = 0; layer < 8; layer++) {
        const make = (): typeof y => mul(g, exp(g, neg(g, y)), sigmoid(g, add(g, y, g.scalar(1))));
        y = checkpointed ? g.recomputed(make) : make();
      }
      g.output('y', reduceSum(g, y, [0]));
      g.output('dx', gradients(g, reduceSum(g, y, [0]), [x])[0]!);
      return g.finish();
    };
    const [plain, recomputing] = [build(false), build(true)];
    t.true(runMemory(recomputing).activations < 0.7 * runMemory(plain).activations);
    const exps = (program: typeof plain) =>
      executionOrder(program).flatMap(({ op }, index) => (op.name === 'Exp' ? [index] : []));
    t.is(exps(plain).length, 8);
    t.is(exps(recomputing).length, 16);
    // The last layer's copy comes after the whole forward pass, the first layer's after the gradients of the others.
    t.true(exps(recomputing)[8] > exps(plain)[7]);
    t.true(exps(recomputing)[15] - exps(recomputing)[8] >= 7 * 9);
    const x = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const results = await Promise.all(
      [plain, recomputing].map(async (program) => (await Session.load(program)).run({ x })),
    );
    t.deepEqual(numbers(results[1].dx.data), numbers(results[0].dx.data));
  },
);
