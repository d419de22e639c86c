/** Memory of small programs, counted by hand. */
import test from 'ava';
import { GraphBuilder } from '../../core/graph/builder.ts';
import { executionOrder, runMemory } from '../../core/graph/memory.ts';
import { add, exp, mul, neg } from '../../core/graph/ops/elementwise.ts';
import { gemm } from '../../core/graph/ops/linear-algebra.ts';
import { loop } from '../../core/graph/ops/loop.ts';
import { concat, reshape, zeros } from '../../core/graph/ops/movement.ts';
import { UNKNOWN } from '../../core/graph/tensor.ts';

test(
  'a tensor lives from its node to its last reader; views and element-wise ' + 'results take no extra memory',
  (t) => {
    const g = new GraphBuilder();
    const [x, w] = [g.input('x', 'float32', [10, 10]), g.input('w', 'float32', [10, 10])];
    // a (400 bytes) is read again at the end; exp(b) uses b's memory, its other shape too; c is the result and not
    // counted.
    const a = gemm(g, x, w);
    const b = exp(g, gemm(g, a, w));
    g.output('c', gemm(g, reshape(g, reshape(g, b, [100]), [10, 10]), a));
    t.deepEqual(runMemory(g.finish()), { stored: 0, inputs: 800, outputs: 400, activations: 800 });
  },
);

test('nodes run depth-first from the last that nobody reads, of two inputs the later written first', (t) => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [2]);
  const [left, right] = [neg(g, x), exp(g, x)];
  g.output('sum', add(g, left, right));
  g.output('square', mul(g, right, right));
  // Leaves come last and reversed: square, sum. From the last, sum: exp before neg; then square.
  t.deepEqual(
    executionOrder(g.finish()).map(({ op }) => op.name),
    ['Exp', 'Neg', 'Add', 'Mul'],
  );
});

test('a loop holds what it captures, and its tail at full length', (t) => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [25]);
  const captured = exp(g, x); // 100 bytes
  const { states } = loop(
    g,
    {
      trips: 8,
      go: g.constant(Uint8Array.of(1), []),
      states: { tail: reshape(g, zeros(g, [0]), [0, 25]) },
      grows: { tail: { dtype: 'float32', shape: [UNKNOWN, 25] } },
    },
    (b, { states: { tail } }) => ({
      go: g.constant(Uint8Array.of(1), []),
      states: { tail: concat(b, [tail, reshape(b, captured, [1, 25])], 0) },
      scans: {},
    }),
  );
  g.output('tail', states.tail);
  // A turn's tail and the next one, of 8 rows each, what is captured, the turn's number and condition: 800 + 800 + 100
  // + 8 + 1.
  t.is(runMemory(g.finish(), 8).activations, 1709);
});
