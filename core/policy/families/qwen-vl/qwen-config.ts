/** What the Qwen vision-language models have in common: pictures of any size, cut into patches, merged into cells. */
import { z } from 'zod';
import { checkConfig, unusable } from '../../checkpoint/check-config.ts';
import { restatedConfig, TORCH_TYPES, type WrittenDType } from '../../checkpoint/config-json.ts';
import { parseTextConfig } from '../parts/text-config.ts';
import { writtenTextConfig } from '../parts/write-text-config.ts';
import type { CommonConfig } from '../../vlm-config.ts';
import path from 'node:path';

/** Patches are squares of `patchSize` pixels; `merge` x `merge` of them make one image token. */
export type PatchSizes = { patchSize: number; merge: number; temporalPatchSize: number };

export type QwenVisionConfig = PatchSizes & {
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  /** The base of the tower's rotary angles. */
  ropeTheta: number;
};

export type SpecialIds = { videoTokenId: number; visionStartTokenId: number; visionEndTokenId: number };

export type QwenConfig = CommonConfig & { vision: QwenVisionConfig; special: SpecialIds };

const length = z.int().min(1);
const id = z.int().min(0);
const theta = z.number().positive();

const schema = z.object({
  text_config: z.looseObject({}).nullish(),
  vision_config: z.looseObject({}).default({}),
  image_token_id: id.default(151_655),
  video_token_id: id.default(151_656),
  vision_start_token_id: id.default(151_652),
  vision_end_token_id: id.default(151_653),
  tie_word_embeddings: z.boolean().optional(),
});

/** The fields of the vision part that both generations have; `hidden_act` and defaults differ. */
export function visionFields(defaults: { hiddenSize: number; intermediateSize: number; depth: number; patch: number }) {
  return {
    depth: length.default(defaults.depth),
    hidden_size: length.default(defaults.hiddenSize),
    intermediate_size: length.default(defaults.intermediateSize),
    num_heads: length.default(16),
    in_channels: z.literal(3).default(3),
    in_chans: z.literal(3).default(3),
    patch_size: length.default(defaults.patch),
    spatial_merge_size: length.default(2),
    temporal_patch_size: length.default(2),
    out_hidden_size: length.default(3584),
    rope_theta: theta.optional(),
    rope_parameters: z
      .strictObject({ rope_theta: theta.optional(), rope_type: z.literal('axial').optional() })
      .nullish(),
  };
}

/** Checks the fields that both generations have. */
export function commonVision(
  eyes: z.infer<z.ZodObject<ReturnType<typeof visionFields>>>,
  origin: string,
): QwenVisionConfig {
  if (eyes.hidden_size % (4 * eyes.num_heads) !== 0)
    unusable(
      origin,
      `the vision tower's hidden_size ${eyes.hidden_size} does not give its ${eyes.num_heads} heads a multiple of 4`,
    );
  return {
    hiddenSize: eyes.hidden_size,
    intermediateSize: eyes.intermediate_size,
    layers: eyes.depth,
    heads: eyes.num_heads,
    patchSize: eyes.patch_size,
    merge: eyes.spatial_merge_size,
    temporalPatchSize: eyes.temporal_patch_size,
    ropeTheta: eyes.rope_parameters?.rope_theta ?? eyes.rope_theta ?? 10_000,
  };
}

/** Everything that both generations share; `vision` is the unparsed vision part. */
export function readQwenConfig(
  content: unknown,
  origin: string,
  textType: string,
): Omit<QwenConfig, 'vision'> & { vision: unknown; outputs: (size: number) => void } {
  const config = checkConfig(schema, content, origin);
  // On the hub Qwen2.5 keeps the text fields at the top level.
  const flat = config.text_config === undefined || config.text_config === null;
  const text = parseTextConfig(
    { ...(flat ? (content as object) : config.text_config), model_type: textType },
    flat ? origin : `${origin}, text_config`,
  );
  return {
    text: {
      ...text,
      // Prompts have no begin token.
      bosTokenId: null,
      // Releases store it in different places.
      tiedEmbeddings: config.tie_word_embeddings === true || text.tiedEmbeddings,
    },
    imageTokenId: config.image_token_id,
    special: {
      videoTokenId: config.video_token_id,
      visionStartTokenId: config.vision_start_token_id,
      visionEndTokenId: config.vision_end_token_id,
    },
    vision: config.vision_config,
    outputs(size) {
      if (size !== text.hiddenSize)
        unusable(origin, `vision_config's out_hidden_size ${size} is not the decoder's hidden_size ${text.hiddenSize}`);
    },
  };
}

/** `architecture`: its class in transformers. `visionFields`: those specific to the generation. */
export function writeQwenConfigs(
  { text, vision, imageTokenId, special }: QwenConfig,
  dtype: WrittenDType,
  source: string | undefined,
  { architecture, modelType, own }: { architecture: string; modelType: string; own: object },
): Record<string, object> {
  if (source !== undefined)
    return { 'config.json': restatedConfig(path.join(source, 'config.json'), dtype, text.tiedEmbeddings) };
  return {
    'config.json': {
      architectures: [architecture],
      dtype: TORCH_TYPES[dtype],
      image_token_id: imageTokenId,
      model_type: modelType,
      text_config: writtenTextConfig(text),
      tie_word_embeddings: text.tiedEmbeddings,
      video_token_id: special.videoTokenId,
      vision_config: {
        depth: vision.layers,
        hidden_size: vision.hiddenSize,
        in_channels: 3,
        intermediate_size: vision.intermediateSize,
        model_type: `${modelType}_vision`,
        num_heads: vision.heads,
        out_hidden_size: text.hiddenSize,
        patch_size: vision.patchSize,
        spatial_merge_size: vision.merge,
        temporal_patch_size: vision.temporalPatchSize,
        ...own,
      },
      vision_end_token_id: special.visionEndTokenId,
      vision_start_token_id: special.visionStartTokenId,
    },
  };
}
