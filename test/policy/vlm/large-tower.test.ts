/** A large frozen tower is read picture by picture in fused kernels: it gives what a trained one gives. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { CPU } from '../../../core/graph/compute-device.ts';
import type { Program } from '../../../core/graph/program.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { writeNewCheckpoint } from '../../../core/policy/new-checkpoint.ts';
import { graphModel, OnnxPolicyEngine } from '../../../core/policy/onnx-policy-engine.ts';
import { scoringProgram } from '../../../core/policy/vlm/training-graph.ts';
import { sizedPictures } from '../sized-pictures.ts';
import sft from '../../../configs/sft-numberline-smolvlm.json' with { type: 'json' };

/** 16 x 16 patches a tile. */
const vision_config = { ...sft.model.architecture.vision_config, patch_size: 4, num_attention_heads: 4 };
const folder = await writeNewCheckpoint(
  mkdtempSync(path.join(tmpdir(), 'gtr-test-')),
  {
    architecture: { ...sft.model.architecture, vision_config },
    pieces: Array.from({ length: 250 }, (_, piece) => `piece${piece} `),
    imageSize: 64,
  },
  7,
);
test.after.always(() => rmSync(folder, { recursive: true }));
const checkpoint = openCheckpoint(folder);
const options = (part: 'language_model' | 'vision_tower') =>
  ({
    checkpoint,
    scope: { kind: 'lora', rank: 2, alpha: 4, dropout: 0, parts: [part] },
    valueHead: [4],
    lanes: 1,
    rowsPerShard: 4,
    rowsPerSample: 4,
  }) as const;

test('log-probs are those of a tower that is trained', async (t) => {
  // Tiles of 2 + 1 and of the whole picture alone.
  const { pictures, rows } = sizedPictures(
    checkpoint.config,
    [
      [1, 2],
      [0, 0],
    ],
    { seed: 2, wordsBehind: 3 },
  );
  const answers = await Promise.all(
    (['language_model', 'vision_tower'] as const).map(async (part) => {
      const engine = OnnxPolicyEngine.open(options(part));
      const parameters = engine.initialParameters(1);
      await engine.setParameters(parameters);
      const { logprobs } = await engine.score({ rows, pictures, temperature: 1 });
      await engine.close();
      return logprobs.flatMap((numbers) => [...numbers]);
    }),
  );
  const [frozen, trained] = answers;
  const worst = Math.max(...frozen.map((value, index) => Math.abs(value - trained[index])));
  t.true(worst < 1e-5, `${worst}`);
  t.true(new Set(frozen.map((value) => value.toFixed(3))).size > 4);
});

test('updates of the decoder behind it are the same with recomputed layers', async (t) => {
  const { pictures, rows } = sizedPictures(checkpoint.config, [[0, 0]], { seed: 3, wordsBehind: 3 });
  const asked = {
    rows: rows.map((row) => ({ ...row, sftWeights: new Float32Array(4).fill(0.25) })),
    pictures,
    temperature: 1,
    clip: 0.1,
    valueCoef: 0.5,
  };
  const gradients = await Promise.all(
    [false, true].map(async (gradientCheckpointing) => {
      const engine = OnnxPolicyEngine.open({ ...options('language_model'), gradientCheckpointing });
      await engine.setParameters(engine.initialParameters(1).map((value) => (value === 0 ? 0.02 : value)));
      const { gradient } = await engine.gradients(asked);
      await engine.close();
      return gradient;
    }),
  );
  const largest = Math.max(...gradients[0].map(Math.abs));
  t.true(largest > 0);
  t.true(gradients[0].every((value, at) => Math.abs(value - gradients[1][at]) < 1e-6 * largest));
});

test('only on the CPU, in float32, and where nothing of the tower is trained', (t) => {
  const shape = { rows: 1, promptTokens: 150, responseTokens: 2, padded: false, picture: { parts: 2, padded: false } };
  const fusedNodes = (changes: object) => {
    const { nodes }: Program = scoringProgram(graphModel({ ...options('language_model'), ...changes }), shape);
    return nodes.filter(({ op }) => ['MultiHeadAttention', 'BiasGeluTanh'].includes(op.name)).length;
  };
  // Two blocks of two tiles each.
  t.is(fusedNodes({}), 2 * 2 * 2);
  t.is(fusedNodes({ scope: options('vision_tower').scope }), 0);
  t.is(fusedNodes({ scope: { kind: 'all' } }), 0);
  t.is(fusedNodes({ precision: 'float16' }), 0);
  t.is(fusedNodes({ device: { ...CPU, provider: 'webgpu' } }), 0);
});
