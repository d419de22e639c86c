/** Training everything: each parameter's gradient against the difference of the loss along that gradient, and a model that learns. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../../policy/checkpoint/open-checkpoint.ts';
import { writeNewCheckpoint } from '../../policy/new-checkpoint.ts';
import { OnnxPolicyEngine } from '../../policy/onnx-policy-engine.ts';
import type { GradientRequest, TrainingRow } from '../../policy/policy-engine.ts';
import { RandomStream } from '../../random/counter.ts';
import { imageTokens, type VlmConfig } from '../../policy/vlm-config.ts';

const recorded = path.resolve(import.meta.dirname, '../golden/llava/llama-gqa-bf16');

/** Tied embeddings, several feature layers, the class token kept, biases: what the recorded checkpoint has not. */
function newModel(): Promise<string> {
  const text = { model_type: 'llama', hidden_size: 24, intermediate_size: 40, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 6, max_position_embeddings: 64, attention_bias: true, mlp_bias: true, tie_word_embeddings: true, hidden_act: 'silu', rms_norm_eps: 1e-5, rope_theta: 1e4 };
  const vision = { model_type: 'clip_vision_model', hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3, num_attention_heads: 2, image_size: 16, patch_size: 8, hidden_act: 'gelu', layer_norm_eps: 1e-5 };
  const architecture = { model_type: 'llava', projector_hidden_act: 'gelu', multimodal_projector_bias: true, vision_feature_layer: [-3, -1], vision_feature_select_strategy: 'full', tie_word_embeddings: true, text_config: text, vision_config: vision };
  return writeNewCheckpoint(mkdtempSync(path.join(tmpdir(), 'gtr-test-')), { architecture, pieces: Array.from({ length: 30 }, (_, i) => `piece${i} `), imageSize: 16 }, 5);
}

function rowsFor(config: VlmConfig): GradientRequest {
  const stream = new RandomStream({ seed: 4, purpose: 'test' });
  const words = (count: number) => Array.from({ length: count }, () => 4 + stream.below(Math.min(config.text.vocabSize, 200) - 4));
  const row = (image: number) => ({ image, promptIds: [1, ...words(2), ...new Array<number>(imageTokens(config)).fill(config.imageTokenId), ...words(3)], responseIds: words(4) });
  const rows: TrainingRow[] = [0, 1].map((image) => ({
    ...row(image),
    ppo: { tokenWeights: new Float32Array(4).fill(0.5), oldLogprob: 0, oldValue: 0, advantage: 1 - 3 * image, return: 2, weight: 0.5 },
    sftWeights: new Float32Array(4).fill(0.2),
  }));
  return { rows, pixels: Float32Array.from({ length: 2 * 3 * config.vision.imageSize ** 2 }, () => stream.normal()), temperature: 0.9, clip: 0.2, valueCoef: 0.5 };
}

async function open(folder: string): Promise<{ engine: OnnxPolicyEngine; parameters: Float32Array; request: GradientRequest }> {
  const checkpoint = openCheckpoint(folder);
  const engine = OnnxPolicyEngine.open({ checkpoint, scope: { kind: 'all' }, valueHead: [8, 4], provider: 'cpu', lanes: 1, rowsPerShard: 2, rowsPerSample: 2 });
  const parameters = engine.initialParameters(1);
  await engine.setParameters(parameters);
  const request = rowsFor(checkpoint.config);
  // Old log-probs and values are today's: ratio 1, far from every kink of the clipping.
  const { rows } = await engine.gradients(request);
  const anchored = request.rows.map((row, i) => ({ ...row, ppo: { ...row.ppo!, oldLogprob: rows[i].logprob, oldValue: rows[i].value } }));
  return { engine, parameters, request: { ...request, rows: anchored } };
}

async function lossAt(engine: OnnxPolicyEngine, parameters: Float32Array, request: GradientRequest): Promise<number> {
  await engine.setParameters(parameters);
  const { rows } = await engine.gradients(request);
  return rows.reduce((sum, { actionLoss, valueLoss, sftLoss }, i) => sum + request.rows[i].ppo!.weight * (actionLoss + request.valueCoef * valueLoss) + sftLoss, 0);
}

for (const [name, folder] of [['recorded checkpoint', async () => recorded], ['new model', newModel]] as const) {
  test(`${name}: every parameter's gradient agrees with the slope of the loss along it`, async (t) => {
    const { engine, parameters, request } = await open(await folder());
    const { gradient } = await engine.gradients(request);
    let offset = 0;
    for (const { name, shape } of engine.trained) {
      const size = shape.reduce((product, length) => product * length, 1);
      const [start, end] = [offset, (offset += size)];
      const own = gradient.subarray(start, end);
      const norm = Math.hypot(...own);
      // A key's bias shifts all scores of a query alike where no rotation follows, so the vision tower's has none.
      if (/vision_tower.*k_proj\.bias$/.test(name)) {
        t.true(norm < 1e-4, name);
        continue;
      }
      t.true(norm > 1e-6, `${name} has a gradient`);
      // Along the gradient's own direction the slope is its norm; a step that changes the loss by about 0.01.
      const h = Math.min(0.01 / norm, 0.01);
      const moved = (step: number) => parameters.map((x, i) => (i >= start && i < end ? x + (step * gradient[i]) / norm : x));
      const slope = ((await lossAt(engine, moved(h), request)) - (await lossAt(engine, moved(-h), request))) / (2 * h);
      t.true(Math.abs(slope - norm) <= 0.02 * norm + 1e-5 / h, `${name}: slope ${slope}, gradient ${norm}`);
    }
    await engine.close();
  });
}

test('steps against the gradient teach a new model its demonstrations', async (t) => {
  const { engine, parameters, request } = await open(await newModel());
  const supervised = { ...request, rows: request.rows.map((row) => ({ ...row, ppo: undefined })) };
  const loss = async () => (await engine.gradients(supervised)).rows.reduce((sum, { sftLoss }) => sum + sftLoss, 0);
  const before = await loss();
  for (let step = 0; step < 60; step++) {
    const { gradient } = await engine.gradients(supervised);
    for (let i = 0; i < parameters.length; i++) parameters[i] -= 0.05 * gradient[i];
    await engine.setParameters(parameters);
  }
  // Eight tokens of weight 0.2 at about log 34 each: 5.6 nats to begin with.
  t.true(before > 4 && (await loss()) < before / 4, `${before} -> ${await loss()}`);
  await engine.close();
});
