/**
 * Configurations as transformers reads them: `config.json` and, where a checkpoint brings none,
 * `preprocessor_config.json`.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { RopeScaling, VlmConfig } from '../vlm-config.ts';
import { readJson } from './check-config.ts';
import { isOriginalLayout, originalSquaring, towerFolder } from './original-config.ts';

const TORCH_TYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** Element types of written weights. */
export type WrittenDType = keyof typeof TORCH_TYPES;

/**
 * The configuration files of a written checkpoint, by name: the source's own config.json where transformers reads it,
 * with the type of the written weights; else one made of `config`, with the preprocessing that the original code does.
 */
export function writtenConfigs(
  config: VlmConfig,
  dtype: WrittenDType,
  source: string | undefined,
): Record<string, object> {
  if (source === undefined) return { 'config.json': huggingFaceConfig(config, dtype) };
  const file = path.join(source, 'config.json');
  const own = readJson(file, 'fetch it again') as object;
  if (isOriginalLayout(own))
    return {
      'config.json': huggingFaceConfig(config, dtype),
      'preprocessor_config.json': originalPreprocessor(config.vision.imageSize, own, source),
    };
  const facts = { dtype: TORCH_TYPES[dtype], tie_word_embeddings: config.text.tiedEmbeddings };
  const replaced: Record<string, unknown> = { ...facts, torch_dtype: facts.dtype };
  // Wherever they stand: at the top, in text_config, in vision_config.
  const stated = parseKeepingNumbers(readFileSync(file, 'utf8'), (key, value) =>
    Object.hasOwn(replaced, key) ? replaced[key] : value,
  ) as object;
  return { 'config.json': { ...stated, ...facts } };
}

/** JSON whose numbers will be written as they stand here: transformers takes 1.0, but not 1, for a fraction. */
function parseKeepingNumbers(text: string, revive: (key: string, value: unknown) => unknown): unknown {
  const parse = JSON.parse as (
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ) => unknown;
  return parse(text, (key, value, { source }) => revive(key, typeof value === 'number' ? rawJson(source) : value));
}

/** A fraction for transformers, whole or not. */
function fraction(value: number): unknown {
  return rawJson(Number.isInteger(value) ? value.toFixed(1) : String(value));
}

/** ECMAScript's JSON.rawJSON, which TypeScript's library does not know yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };

/** A `preprocessor_config.json` that shrinks an image's shorter side to `side` and cuts out its middle. */
export function croppingPreprocessor(side: number, mean: readonly number[], deviation: readonly number[]): object {
  return {
    image_processor_type: 'CLIPImageProcessor',
    do_resize: true,
    size: { shortest_edge: side },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: side, width: side },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    do_convert_rgb: true,
    image_mean: mean,
    image_std: deviation,
  };
}

/** What the original code does to images, which takes its settings from the vision tower's own folder. */
function originalPreprocessor(side: number, content: object, folder: string): object {
  const file = [folder, towerFolder(folder, content)]
    .flatMap((place) => (place === null ? [] : [path.join(place, 'preprocessor_config.json')]))
    .find((place) => existsSync(place));
  const settings =
    file !== undefined
      ? (readJson(file, 'fetch it again') as object)
      : croppingPreprocessor(side, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]);
  const squaring = originalSquaring(content);
  if (squaring === 'pad') return { ...settings, image_processor_type: 'LlavaImageProcessor', do_pad: true };
  return squaring === 'squeeze'
    ? { ...settings, size: { height: side, width: side }, do_center_crop: false }
    : settings;
}

/** A `LlavaForConditionalGeneration` configuration (one base image), whatever layout the model came in. */
function huggingFaceConfig(
  { vision, text, featureLayers, featureSelect, projectorActivation, projectorBias, imageTokenId }: VlmConfig,
  dtype: WrittenDType,
): object {
  return {
    architectures: ['LlavaForConditionalGeneration'],
    dtype: TORCH_TYPES[dtype],
    image_seq_length: Math.floor(vision.imageSize / vision.patchSize) ** 2 + (featureSelect === 'full' ? 1 : 0),
    image_token_index: imageTokenId,
    model_type: 'llava',
    multimodal_projector_bias: projectorBias,
    projector_hidden_act: projectorActivation,
    text_config: {
      attention_bias: text.attentionBias,
      bos_token_id: text.bosTokenId,
      eos_token_id: text.eosTokenIds.length === 1 ? text.eosTokenIds[0] : text.eosTokenIds,
      head_dim: text.headDim,
      hidden_act: 'silu',
      hidden_size: text.hiddenSize,
      intermediate_size: text.intermediateSize,
      max_position_embeddings: text.maxPositions,
      mlp_bias: text.mlpBias,
      model_type: text.family,
      num_attention_heads: text.heads,
      num_hidden_layers: text.layers,
      num_key_value_heads: text.keyValueHeads,
      pad_token_id: text.padTokenId,
      rms_norm_eps: fraction(text.rmsNormEps),
      rope_parameters: { rope_theta: fraction(text.ropeTheta), ...ropeType(text.ropeScaling) },
      // Read by transformers 4.
      rope_theta: fraction(text.ropeTheta),
      ...(text.ropeScaling !== null && { rope_scaling: ropeType(text.ropeScaling) }),
      ...(text.family === 'mistral' && { sliding_window: text.slidingWindow }),
      tie_word_embeddings: text.tiedEmbeddings,
      vocab_size: text.vocabSize,
    },
    tie_word_embeddings: text.tiedEmbeddings,
    vision_config: {
      hidden_act: vision.activation,
      hidden_size: vision.hiddenSize,
      image_size: vision.imageSize,
      intermediate_size: vision.intermediateSize,
      layer_norm_eps: fraction(vision.layerNormEps),
      model_type: 'clip_vision_model',
      num_attention_heads: vision.heads,
      num_channels: 3,
      num_hidden_layers: vision.layers,
      patch_size: vision.patchSize,
      projection_dim: vision.hiddenSize,
    },
    vision_feature_layer: featureLayers.length === 1 ? featureLayers[0] : featureLayers,
    vision_feature_select_strategy: featureSelect,
  };
}

function ropeType(scaling: RopeScaling | null): object {
  if (scaling === null) return { rope_type: 'default' };
  const { kind } = scaling;
  const factor = fraction(scaling.factor);
  if (kind === 'linear') return { rope_type: kind, factor };
  return {
    rope_type: kind,
    factor,
    low_freq_factor: fraction(scaling.lowFrequencyFactor),
    high_freq_factor: fraction(scaling.highFrequencyFactor),
    original_max_position_embeddings: scaling.originalPositions,
  };
}
