/** Full training, recomputed layers and float16 of each family, on a recorded checkpoint with tiny shapes. */
import path from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { type EngineOptions, OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import { sizedPictures } from './sized-pictures.ts';

for (const [name, grids] of [
  [
    'qwen2_5-small',
    [
      [4, 6],
      [6, 4],
    ],
  ],
  [
    'qwen3-small',
    [
      [4, 6],
      [2, 2],
    ],
  ],
  [
    'smolvlm-small',
    [
      [1, 2],
      [0, 0],
    ],
  ],
] as const)
  test(
    `${name}: the gradient of everything is the loss's slope; recomputed ` + 'layers give the same, float16 nearly',
    async (t) => {
      const checkpoint = { ...openCheckpoint(path.resolve(import.meta.dirname, '../golden/vlm', name)), adapter: null };
      const { config } = checkpoint;
      const { pictures, rows: plain } = sizedPictures(config, grids, { seed: 9, wordsBehind: 2 });
      const rows = plain.map((row) => ({ ...row, sftWeights: new Float32Array(4).fill(0.125) }));
      const asked = { rows, pictures, temperature: 1, clip: 0.1, valueCoef: 0.5 };
      const open = (others: Partial<EngineOptions> = {}) =>
        OnnxPolicyEngine.open({
          checkpoint,
          scope: { kind: 'all' },
          valueHead: [4],
          lanes: 1,
          rowsPerShard: 2,
          rowsPerSample: 2,
          ...others,
        });
      const engine = open();
      const start = engine.initialParameters(1);
      const lossAt = async (of: OnnxPolicyEngine, parameters: Float32Array) => {
        await of.setParameters(parameters);
        const { gradient, rows: statistics } = await of.gradients(asked);
        return { gradient, loss: statistics.reduce((sum, { sftLoss }) => sum + sftLoss, 0) };
      };
      const { gradient, loss } = await lossAt(engine, start);
      const norm = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
      // A small step along the gradient: the loss changes by its length times the norm.
      const step = 0.01 / norm;
      const moved = async (by: number) =>
        (
          await lossAt(
            engine,
            start.map((x, at) => x + (by * gradient[at]) / norm),
          )
        ).loss;
      const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
      t.true(Math.abs(slope / norm - 1) < 0.02, `slope ${slope}, norm ${norm}`);

      const cosine = (other: Float32Array) => {
        const [dot, size] = other.reduce(([sum, own], x, at) => [sum + x * gradient[at], own + x * x], [0, 0]);
        return dot / (norm * Math.sqrt(size));
      };
      const other = open({ gradientCheckpointing: true });
      const recomputed = await lossAt(other, start);
      t.true(cosine(recomputed.gradient) > 1 - 1e-9);
      t.true(Math.abs(recomputed.loss - loss) < 1e-6 * loss);
      await other.close();

      const half = open({ precision: 'float16' });
      const narrow = await lossAt(half, start);
      t.true(cosine(narrow.gradient) > 0.999, `float16: cosine ${cosine(narrow.gradient)}`);
      t.true(Math.abs(narrow.loss - loss) < 5e-3 * loss, `float16: loss ${narrow.loss}, float32: ${loss}`);
      await half.close();
      await engine.close();
    },
  );

test('deepstack features beyond the last decoder layer are not trained', async (t) => {
  const opened = openCheckpoint(path.resolve(import.meta.dirname, '../golden/vlm/qwen3-small'));
  const { config } = opened;
  // Its blocks are 1 and 0: with one layer only what comes of block 0 is read.
  const checkpoint = { ...opened, adapter: null, config: { ...config, text: { ...config.text, layers: 1 } } };
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope: { kind: 'all' },
    valueHead: [4],
    lanes: 1,
    rowsPerShard: 1,
    rowsPerSample: 1,
  });
  const trained = (merger: number) =>
    engine.trained.filter(({ name }) => name.includes(`deepstack_merger_list.${merger}.`)).length;
  t.deepEqual([trained(0), trained(1)], [0, 6]);
  await engine.setParameters(engine.initialParameters(1));
  const { gradient } = await engine.gradients({
    rows: [
      {
        image: 0,
        promptIds: [5, config.imageTokenId, 6],
        responseIds: [7, 8],
        sftWeights: new Float32Array([0.5, 0.5]),
      },
    ],
    pictures: [{ grid: [2, 2], pixels: new Float32Array(4 * 3 * 16).fill(0.5) }],
    temperature: 1,
    clip: 0.1,
    valueCoef: 0.5,
  });
  t.true(gradient.every(Number.isFinite) && gradient.some((value) => value !== 0));
  await engine.close();
});
