/** Hugging Face `config.json` to `VlmConfig`, with the defaults that transformers fills in. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { VlmConfig } from '../vlm-config.ts';
import { CheckpointError } from './errors.ts';

const length = z.int().min(1);

/** Defaults of `LlamaConfig` / `MistralConfig`; hub checkpoints of LLaVA leave most fields out. */
const textSchema = z.object({
  model_type: z.enum(['llama', 'mistral']).default('llama'),
  vocab_size: length.default(32_000),
  hidden_size: length.default(4096),
  intermediate_size: length.optional(),
  num_hidden_layers: length.default(32),
  num_attention_heads: length.default(32),
  num_key_value_heads: length.nullish(),
  head_dim: length.nullish(),
  max_position_embeddings: length.default(4096),
  rms_norm_eps: z.number().positive().default(1e-5),
  rope_theta: z.number().positive().optional(),
  rope_parameters: z.object({ rope_theta: z.number().positive().optional(), rope_type: z.string().default('default') }).nullish(),
  rope_scaling: z.object({ rope_type: z.string().optional(), type: z.string().optional() }).nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  hidden_act: z.literal('silu').default('silu'),
  bos_token_id: z.int().nullish(),
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
  pad_token_id: z.int().nullish(),
});

const activation = z.enum(['quick_gelu', 'gelu', 'gelu_pytorch_tanh']);

/** Defaults of the CLIP ViT-L/14-336 tower that LLaVA uses. */
const visionSchema = z.object({
  model_type: z.literal('clip_vision_model').default('clip_vision_model'),
  hidden_size: length.default(1024),
  intermediate_size: length.default(4096),
  num_hidden_layers: length.default(24),
  num_attention_heads: length.default(16),
  image_size: length.default(336),
  patch_size: length.default(14),
  layer_norm_eps: z.number().positive().default(1e-5),
  hidden_act: activation.default('quick_gelu'),
});

const configSchema = z.object({
  model_type: z.enum(['llava', 'llava_next']),
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
  vision_feature_layer: z.union([z.int(), z.array(z.int()).min(1)]).default(-2),
  vision_feature_select_strategy: z.enum(['default', 'full']).default('default'),
  projector_hidden_act: activation.default('gelu'),
  multimodal_projector_bias: z.boolean().default(true),
  image_token_index: z.int().optional(),
  image_token_id: z.int().optional(),
  tie_word_embeddings: z.boolean().optional(),
});

/** Reads the configuration of a checkpoint folder. Throws `CheckpointError`. */
export function readVlmConfig(folder: string): VlmConfig {
  const file = path.join(folder, 'config.json');
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CheckpointError(`${file}: cannot be read (${(error as Error).message}); name a folder with a checkpoint in Hugging Face format`);
  }
  return parseVlmConfig(content, file);
}

/** Checks and completes a configuration; `origin` names it in errors. */
export function parseVlmConfig(content: unknown, origin: string): VlmConfig {
  const result = configSchema.safeParse(content);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new CheckpointError(`${origin}: ${issue.path.join('.') || 'the configuration'}: ${issue.message}; supported are llava and llava_next models with a CLIP tower and a Llama or Mistral decoder`);
  }
  const { text_config: text, vision_config: vision, ...config } = result.data;
  const scaling = text.rope_scaling?.rope_type ?? text.rope_scaling?.type ?? text.rope_parameters?.rope_type ?? 'default';
  if (scaling !== 'default') throw new CheckpointError(`${origin}: text_config asks for "${scaling}" rotary positions; only the default ones are supported`);
  const { eos_token_id: end } = text;
  return {
    vision: {
      hiddenSize: vision.hidden_size,
      intermediateSize: vision.intermediate_size,
      layers: vision.num_hidden_layers,
      heads: vision.num_attention_heads,
      imageSize: vision.image_size,
      patchSize: vision.patch_size,
      layerNormEps: vision.layer_norm_eps,
      activation: vision.hidden_act,
    },
    text: {
      family: text.model_type,
      vocabSize: text.vocab_size,
      hiddenSize: text.hidden_size,
      intermediateSize: text.intermediate_size ?? (text.model_type === 'mistral' ? 14_336 : 11_008),
      layers: text.num_hidden_layers,
      heads: text.num_attention_heads,
      keyValueHeads: text.num_key_value_heads ?? (text.model_type === 'mistral' ? 8 : text.num_attention_heads),
      headDim: text.head_dim ?? Math.floor(text.hidden_size / text.num_attention_heads),
      ropeTheta: text.rope_parameters?.rope_theta ?? text.rope_theta ?? 10_000,
      rmsNormEps: text.rms_norm_eps,
      tiedEmbeddings: config.tie_word_embeddings ?? text.tie_word_embeddings,
      attentionBias: text.attention_bias,
      mlpBias: text.mlp_bias,
      maxPositions: text.max_position_embeddings,
      bosTokenId: text.bos_token_id ?? null,
      eosTokenIds: end === null || end === undefined ? [2] : [end].flat(),
      padTokenId: text.pad_token_id ?? 0,
    },
    featureLayers: [config.vision_feature_layer].flat(),
    featureSelect: config.vision_feature_select_strategy,
    projectorActivation: config.projector_hidden_act,
    projectorBias: config.multimodal_projector_bias,
    imageTokenId: config.image_token_index ?? config.image_token_id ?? 32_000,
  };
}
