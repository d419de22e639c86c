/** Attention in blocks with hidden keys, compared with the formula. */
import test from 'ava';
import { GraphBuilder } from '../../../core/graph/builder.ts';
import { Attention } from '../../../core/graph/ops/neural.ts';
import { Session } from '../../../core/graph/session.ts';
import { causalAttention, causalBlocks, HIDDEN_SCORE } from '../../../core/policy/families/parts/causal-attention.ts';

const TOKENS = 100;
const WIDTH = 4;
/** Large enough that some visible scores are far below the largest of their row. */
const numbers = (length: number, phase: number) =>
  Float32Array.from({ length }, (_, i) => 4 * Math.sin(phase + 1.3 * i + 0.01 * i * i));
const causal = (tokens: number) =>
  Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? HIDDEN_SCORE : 0));

for (const group of [1, 2]) {
  test(`${group} queries a key: equals softmax(q k^T + bias) v`, async (t) => {
    const [q, k, v] = [
      numbers(group * TOKENS * WIDTH, 0.1),
      numbers(TOKENS * WIDTH, 0.2),
      numbers(TOKENS * WIDTH, 0.3),
    ];
    const g = new GraphBuilder();
    const blocks = causalBlocks(g, g.constant(causal(TOKENS), [1, 1, TOKENS, TOKENS]));
    t.is(blocks.queries.length, 2);
    const input = (name: string, tokens: number) => g.input(name, 'float32', [1, 1, tokens, WIDTH]);
    g.output(
      'mixed',
      causalAttention(g, input('q', group * TOKENS), input('k', TOKENS), input('v', TOKENS), { group, blocks }),
    );
    const session = await Session.load(g.finish());
    const mixed = (await session.run({ q, k, v })).mixed.data as Float32Array;
    await session.close();
    let worst = 0;
    for (let query = 0; query < group * TOKENS; query++) {
      const visible = (query % TOKENS) + 1;
      const scores = Array.from({ length: visible }, (_, key) =>
        Array.from({ length: WIDTH }, (_, i) => q[query * WIDTH + i] * k[key * WIDTH + i]).reduce(
          (sum, one) => sum + one,
        ),
      );
      const shares = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = shares.reduce((sum, one) => sum + one);
      for (let i = 0; i < WIDTH; i++) {
        const expected = shares.reduce((sum, share, key) => sum + (share / total) * v[key * WIDTH + i], 0);
        worst = Math.max(worst, Math.abs(mixed[query * WIDTH + i] - expected));
      }
    }
    t.true(worst < 1e-5, `worst error ${worst}`);
  });
}

test('hidden keys have no share at all, and no share is a denormal number', async (t) => {
  const g = new GraphBuilder();
  const {
    hiding: [first],
  } = causalBlocks(g, g.constant(causal(40), [1, 1, 40, 40]));
  const input = (name: string) => g.input(name, 'float32', [1, 1, 40, WIDTH]);
  const [, shares] = g.apply(Attention, [input('q'), input('k'), input('v'), first.bias, first.visible], {
    scale: 1,
    group: 1,
  });
  g.output('shares', shares);
  g.output('visible', first.visible);
  const session = await Session.load(g.finish());
  const [q, k, v] = [0.1, 0.2, 0.3].map((phase) => numbers(40 * WIDTH, phase));
  const results = await session.run({ q, k, v });
  await session.close();
  const [found, visible] = [results.shares.data, results.visible.data] as Float32Array[];
  t.true(visible.includes(0));
  t.deepEqual(
    found.map((share) => Number(share > 0)),
    visible,
  );
  t.true(found.every((share) => share === 0 || share > 1e-37));
});
