/** Hugging Face `config.json` of a LLaVA checkpoint to `LlavaConfig`. */
import { z } from 'zod';
import { checkConfig, unusable } from '../../checkpoint/check-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import { parseTextConfig } from '../parts/text-config.ts';
import type { LlavaConfig } from './llava-config.ts';
import { isOriginalLayout, parseOriginalConfig } from './original-config.ts';
import { activation, visionConfig, visionSchema } from './vision-config.ts';

export const SUPPORTED =
  'LLaVA 1.5 and 1.6 (llava, llava_next, LlavaLlamaForCausalLM, LlavaMistralForCausalLM) with a CLIP or SigLIP ' +
  'tower and a Llama, Mistral or Qwen2 decoder';

/** A LLaVA configuration without a vision part means CLIP ViT-L/14 at 336 pixels. */
const DEFAULT_VISION = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};

const schema = z.object({
  vision_config: visionSchema.nullish(),
  vision_feature_layer: z.union([z.int(), z.array(z.int()).min(1)]).default(-2),
  vision_feature_select_strategy: z.enum(['default', 'full']).default('default'),
  projector_hidden_act: activation.default('gelu'),
  multimodal_projector_bias: z.boolean().default(true),
  image_token_index: z.int().min(0).optional(),
  image_token_id: z.int().min(0).optional(),
  tie_word_embeddings: z.boolean().default(false),
  pad_token_id: z.int().nullish(),
});

/**
 * Checks and completes a configuration; `origin` names it in errors. `tower`: the folder of an original checkpoint's
 * vision tower, where there is one.
 */
export function readLlavaConfig(content: unknown, origin: string, tower: string | null): LlavaConfig {
  if (isOriginalLayout(content)) return checked(parseOriginalConfig(content, origin, tower), origin);
  const { model_type: type, text_config: text } = content as { model_type?: string; text_config?: unknown };
  const config = checkConfig(schema, content, origin);
  const decoder = checkConfig(
    z.looseObject({ model_type: z.string().default('llama'), pad_token_id: z.int().nullish() }),
    text ?? {},
    `${origin}, text_config`,
  );
  if (!['llama', 'mistral', 'qwen2'].includes(decoder.model_type))
    throw new CheckpointError(`${origin} has a decoder of type ${decoder.model_type}; supported are ${SUPPORTED}`);
  const parsed = parseTextConfig(
    { ...decoder, pad_token_id: decoder.pad_token_id ?? config.pad_token_id },
    `${origin}, text_config`,
  );
  return checked(
    {
      family: 'llava',
      vision: visionConfig(config.vision_config ?? visionSchema.parse(DEFAULT_VISION)),
      // transformers ties llava's embeddings when either field is set, llava_next's when the outer one is.
      text: { ...parsed, tiedEmbeddings: config.tie_word_embeddings || (type === 'llava' && parsed.tiedEmbeddings) },
      featureLayers: [config.vision_feature_layer].flat(),
      featureSelect: config.vision_feature_select_strategy,
      projectorActivation: config.projector_hidden_act,
      projectorBias: config.multimodal_projector_bias,
      imageTokenId: config.image_token_id ?? config.image_token_index ?? 32_000,
    },
    origin,
  );
}

/** Checks relations between fields. */
function checked(config: LlavaConfig, origin: string): LlavaConfig {
  const { vision, featureLayers } = config;
  const fail = (what: string) => unusable(origin, what);
  if (vision.hiddenSize % vision.heads !== 0)
    fail(`the vision tower's hidden_size ${vision.hiddenSize} is not a multiple of its ${vision.heads} heads`);
  if (vision.imageSize < vision.patchSize)
    fail(`image_size ${vision.imageSize} is smaller than patch_size ${vision.patchSize}`);
  for (const layer of featureLayers)
    if (layer > vision.layers || layer < -vision.layers - 1)
      fail(`vision_feature_layer ${layer} is outside the tower's ${vision.layers} layers`);
  return config;
}
