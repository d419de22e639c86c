/** The configuration of a SmolVLM or Idefics3 model: a SigLIP tower, a pixel shuffle, a Llama decoder. */
import path from 'node:path';
import { z } from 'zod';
import { checkConfig, unusable } from '../../checkpoint/check-config.ts';
import { fraction, restatedConfig, TORCH_TYPES, type WrittenDType } from '../../checkpoint/config-json.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import type { CommonConfig } from '../../vlm-config.ts';
import { parseTextConfig } from '../parts/text-config.ts';
import type { Activation } from '../parts/vision-encoder.ts';
import { writtenTextConfig } from '../parts/write-text-config.ts';

export type SmolVlmVision = {
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  /** Pixels of a tile on each side. */
  imageSize: number;
  patchSize: number;
  layerNormEps: number;
  activation: Activation;
};

export type SmolVlmConfig = CommonConfig & {
  family: 'smolvlm';
  /** Which of the two classes of transformers it is. */
  modelType: 'smolvlm' | 'idefics3';
  vision: SmolVlmVision;
  /** `shuffle` x `shuffle` patches make one image token. */
  shuffle: number;
};

const length = z.int().min(1);

const visionSchema = z.object({
  hidden_size: length.default(1152),
  intermediate_size: length.default(3072),
  num_hidden_layers: length.default(12),
  num_attention_heads: length.default(16),
  num_channels: z.literal(3).default(3),
  image_size: length.default(224),
  patch_size: length.default(32),
  layer_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.enum(['gelu_pytorch_tanh', 'gelu', 'quick_gelu']).default('gelu_pytorch_tanh'),
});

const schema = z.object({
  model_type: z.enum(['smolvlm', 'idefics3']),
  vision_config: visionSchema.prefault({}),
  text_config: z.looseObject({ model_type: z.string().default('llama'), pad_token_id: z.int().nullish() }),
  scale_factor: length.default(2),
  image_token_id: z.int().min(0).default(128_257),
  tie_word_embeddings: z.boolean().optional(),
  pad_token_id: z.int().nullish(),
});

export function readSmolVlmConfig(content: unknown, origin: string): SmolVlmConfig {
  const config = checkConfig(schema, content, origin);
  const { vision_config: eyes, text_config: decoder, scale_factor: shuffle } = config;
  if (decoder.model_type !== 'llama')
    throw new CheckpointError(
      `${origin} has a decoder of type ${decoder.model_type}; SmolVLM and Idefics3 are supported with llama`,
    );
  const text = parseTextConfig(
    { ...decoder, pad_token_id: decoder.pad_token_id ?? config.pad_token_id },
    `${origin}, text_config`,
  );
  const side = Math.floor(eyes.image_size / eyes.patch_size);
  if (eyes.hidden_size % eyes.num_attention_heads !== 0)
    unusable(
      origin,
      `the tower's hidden_size ${eyes.hidden_size} is not a multiple of its ${eyes.num_attention_heads} heads`,
    );
  if (side === 0 || side % shuffle !== 0)
    unusable(
      origin,
      `tiles of ${eyes.image_size} pixels do not divide into squares of ${shuffle} x ${shuffle} patches of ` +
        `${eyes.patch_size} pixels`,
    );
  return {
    family: 'smolvlm',
    modelType: config.model_type,
    text: { ...text, tiedEmbeddings: config.tie_word_embeddings ?? text.tiedEmbeddings },
    vision: {
      hiddenSize: eyes.hidden_size,
      intermediateSize: eyes.intermediate_size,
      layers: eyes.num_hidden_layers,
      heads: eyes.num_attention_heads,
      imageSize: eyes.image_size,
      patchSize: eyes.patch_size,
      layerNormEps: eyes.layer_norm_eps,
      activation: eyes.hidden_act,
    },
    shuffle,
    imageTokenId: config.image_token_id,
  };
}

/** Patches on each side of a tile; pixels at the right and the bottom that do not fill a patch are dropped. */
export function patchesPerSide({ imageSize, patchSize }: SmolVlmVision): number {
  return Math.floor(imageSize / patchSize);
}

/** Image tokens of a tile. */
export function tokensPerTile({ vision, shuffle }: SmolVlmConfig): number {
  return (patchesPerSide(vision) / shuffle) ** 2;
}

export function writeSmolVlmConfigs(
  { text, vision, modelType, shuffle, imageTokenId }: SmolVlmConfig,
  dtype: WrittenDType,
  source: string | undefined,
): Record<string, object> {
  if (source !== undefined)
    return { 'config.json': restatedConfig(path.join(source, 'config.json'), dtype, text.tiedEmbeddings) };
  const name = { smolvlm: 'SmolVLM', idefics3: 'Idefics3' }[modelType];
  return {
    'config.json': {
      architectures: [`${name}ForConditionalGeneration`],
      dtype: TORCH_TYPES[dtype],
      image_token_id: imageTokenId,
      model_type: modelType,
      pad_token_id: text.padTokenId,
      scale_factor: shuffle,
      text_config: writtenTextConfig(text),
      tie_word_embeddings: text.tiedEmbeddings,
      vision_config: {
        hidden_act: vision.activation,
        hidden_size: vision.hiddenSize,
        image_size: vision.imageSize,
        intermediate_size: vision.intermediateSize,
        layer_norm_eps: fraction(vision.layerNormEps),
        model_type: `${modelType}_vision`,
        num_attention_heads: vision.heads,
        num_hidden_layers: vision.layers,
        patch_size: vision.patchSize,
      },
    },
  };
}
