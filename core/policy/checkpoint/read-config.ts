/** Hugging Face `config.json` of a LLaVA checkpoint to `VlmConfig`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { VlmConfig } from '../vlm-config.ts';
import { checkConfig, readJson } from './check-config.ts';
import { CheckpointError } from './errors.ts';
import { isOriginalLayout, parseOriginalConfig, towerFolder } from './original-config.ts';
import { parseTextConfig } from './text-config.ts';
import { activation, visionConfig, visionSchema } from './vision-config.ts';

const SUPPORTED =
  'supported are LLaVA 1.5 and 1.6 (llava, llava_next, LlavaLlamaForCausalLM, LlavaMistralForCausalLM) with a CLIP ' +
  'tower and a Llama or Mistral decoder';

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
 * Reads the configuration of a checkpoint folder; end-of-sequence ids are those at which `generate()` stops. Throws
 * `CheckpointError`.
 */
export function readVlmConfig(folder: string): VlmConfig {
  const file = path.join(folder, 'config.json');
  const content = readJson(file, 'name a folder with a checkpoint in Hugging Face format');
  const config = parseVlmConfig(content, file, towerFolder(folder, content));
  const generation = path.join(folder, 'generation_config.json');
  if (!existsSync(generation)) return config;
  const endSchema = z.object({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });
  const { eos_token_id: ends } = checkConfig(
    endSchema,
    readJson(generation, 'fetch it again or delete it'),
    generation,
  );
  return ends === undefined || ends === null
    ? config
    : checked({ ...config, text: { ...config.text, eosTokenIds: [ends].flat() } }, generation);
}

/**
 * Checks and completes a configuration; `origin` names it in errors. `tower`: the folder of an original checkpoint's
 * vision tower, where there is one.
 */
export function parseVlmConfig(content: unknown, origin: string, tower: string | null = null): VlmConfig {
  const {
    model_type: type,
    architectures,
    text_config: text,
  } = checkConfig(
    z.looseObject({ model_type: z.string().optional(), architectures: z.array(z.string()).nullish() }),
    content,
    origin,
  );
  if (isOriginalLayout(content)) return checked(parseOriginalConfig(content, origin, tower), origin);
  if (type !== 'llava' && type !== 'llava_next')
    throw new CheckpointError(
      `${origin} describes a model of the kind ${architectures?.[0] ?? type ?? '(not named)'}; ${SUPPORTED}`,
    );
  const config = checkConfig(schema, content, origin);
  const decoder = checkConfig(
    z.looseObject({ model_type: z.string().default('llama'), pad_token_id: z.int().nullish() }),
    text ?? {},
    `${origin}, text_config`,
  );
  if (decoder.model_type !== 'llama' && decoder.model_type !== 'mistral')
    throw new CheckpointError(`${origin} has a decoder of the kind ${decoder.model_type}; ${SUPPORTED}`);
  const parsed = parseTextConfig(
    { ...decoder, pad_token_id: decoder.pad_token_id ?? config.pad_token_id },
    `${origin}, text_config`,
  );
  return checked(
    {
      vision: visionConfig(config.vision_config ?? visionSchema.parse(DEFAULT_VISION)),
      // transformers ties llava's embeddings when either place says so, llava_next's when the outer one does.
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

/** What must hold between the fields. */
function checked(config: VlmConfig, origin: string): VlmConfig {
  const { vision, text, featureLayers, imageTokenId } = config;
  const fail = (what: string): never => {
    throw new CheckpointError(
      `${origin}: ${what}; the file does not describe a model that can be computed: fetch it again`,
    );
  };
  if (vision.hiddenSize % vision.heads !== 0)
    fail(`the vision tower's hidden_size ${vision.hiddenSize} is no multiple of its ${vision.heads} heads`);
  if (vision.imageSize < vision.patchSize)
    fail(`image_size ${vision.imageSize} is smaller than patch_size ${vision.patchSize}`);
  for (const layer of featureLayers)
    if (layer > vision.layers || layer < -vision.layers - 1)
      fail(`vision_feature_layer ${layer} is outside of the tower's ${vision.layers} layers`);
  for (const id of [imageTokenId, ...text.eosTokenIds, text.bosTokenId ?? 0])
    if (id < 0 || id >= text.vocabSize) fail(`token id ${id} is outside of the vocabulary of ${text.vocabSize}`);
  if (text.eosTokenIds.length === 0) fail('no eos_token_id ends a response');
  return config;
}
