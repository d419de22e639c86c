/**
 * A tiny new model with what the recorded checkpoint has not (tied embeddings, several feature layers, the class token
 * kept, biases), and rows to train it on.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeNewCheckpoint } from '../../core/policy/new-checkpoint.ts';
import type { GradientRequest, TrainingRow } from '../../core/policy/policy-engine.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import type { VlmConfig } from '../../core/policy/vlm-config.ts';
import { RandomStream } from '../../core/random/counter.ts';

/** Writes the model (float32) and returns its folder. */
export function newModel(): Promise<string> {
  const text = {
    model_type: 'llama',
    hidden_size: 24,
    intermediate_size: 40,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    max_position_embeddings: 64,
    attention_bias: true,
    mlp_bias: true,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 1e4,
  };
  const vision = {
    model_type: 'clip_vision_model',
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
    hidden_act: 'gelu',
    layer_norm_eps: 1e-5,
  };
  const architecture = {
    model_type: 'llava',
    projector_hidden_act: 'gelu',
    multimodal_projector_bias: true,
    vision_feature_layer: [-3, -1],
    vision_feature_select_strategy: 'full',
    tie_word_embeddings: true,
    text_config: text,
    vision_config: vision,
  };
  return writeNewCheckpoint(
    mkdtempSync(path.join(tmpdir(), 'gtr-test-')),
    { architecture, pieces: Array.from({ length: 30 }, (_, i) => `piece${i} `), imageSize: 16 },
    5,
  );
}

/** Two rows with both losses: prompts of 5 words and an image, responses of 4 tokens. */
export function rowsFor(config: VlmConfig): GradientRequest {
  const stream = new RandomStream({ seed: 4, purpose: 'test' });
  const words = (count: number) =>
    Array.from({ length: count }, () => 4 + stream.below(Math.min(config.text.vocabSize, 200) - 4));
  const row = (image: number) => ({
    image,
    promptIds: [
      1,
      ...words(2),
      ...new Array<number>(familyOf(config).imageTokens(config, [1, 1])).fill(config.imageTokenId),
      ...words(3),
    ],
    responseIds: words(4),
  });
  const rows: TrainingRow[] = [0, 1].map((image) => ({
    ...row(image),
    dropoutSeed: 5n,
    ppo: {
      tokenWeights: new Float32Array(4).fill(0.5),
      oldLogprob: 0,
      oldValue: 0,
      advantage: 1 - 3 * image,
      return: 2,
      weight: 0.5,
    },
    sftWeights: new Float32Array(4).fill(0.2),
  }));
  return {
    rows,
    pictures: [0, 1].map(() => ({
      pixels: Float32Array.from({ length: familyOf(config).pictureValues(config, [1, 1]) }, () => stream.normal()),
      grid: [1, 1],
    })),
    temperature: 0.9,
    clip: 0.2,
    valueCoef: 0.5,
  };
}
