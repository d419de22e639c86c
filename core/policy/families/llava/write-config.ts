/**
 * Writes configurations as transformers reads them: `config.json` and, where a checkpoint has none,
 * `preprocessor_config.json`.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readJson } from '../../checkpoint/check-config.ts';
import { fraction, restatedConfig, TORCH_TYPES, type WrittenDType } from '../../checkpoint/config-json.ts';
import { writtenTextConfig } from '../parts/write-text-config.ts';
import { imageTokens, type LlavaConfig } from './llava-config.ts';
import { isOriginalLayout, originalSquaring, towerFolder } from './original-config.ts';

/**
 * The configuration files of a written checkpoint, by name: the source's own config.json if transformers can read it,
 * with the type of the written weights; else one made from `config`, with the original code's preprocessing.
 */
export function writtenConfigs(
  config: LlavaConfig,
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
  return { 'config.json': restatedConfig(file, dtype, config.text.tiedEmbeddings) };
}

/** A `preprocessor_config.json` that resizes an image's shorter side to `side` and crops the centre. */
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

/** The original code's preprocessing, whose settings are in the vision tower's own folder. */
function originalPreprocessor(side: number, content: object, folder: string): object {
  const file = [folder, towerFolder(folder, content)]
    .flatMap((one) => (one === null ? [] : [path.join(one, 'preprocessor_config.json')]))
    .find((one) => existsSync(one));
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

/** A `LlavaForConditionalGeneration` configuration (one base image), whatever layout the model had. */
function huggingFaceConfig(
  { vision, text, featureLayers, featureSelect, projectorActivation, projectorBias, imageTokenId }: LlavaConfig,
  dtype: WrittenDType,
): object {
  return {
    architectures: ['LlavaForConditionalGeneration'],
    dtype: TORCH_TYPES[dtype],
    image_seq_length: imageTokens({ vision, featureSelect }),
    image_token_index: imageTokenId,
    model_type: 'llava',
    multimodal_projector_bias: projectorBias,
    projector_hidden_act: projectorActivation,
    text_config: writtenTextConfig(text),
    tie_word_embeddings: text.tiedEmbeddings,
    vision_config: {
      hidden_act: vision.activation,
      hidden_size: vision.hiddenSize,
      image_size: vision.imageSize,
      intermediate_size: vision.intermediateSize,
      layer_norm_eps: fraction(vision.layerNormEps),
      model_type: `${vision.modelType}_vision_model`,
      num_attention_heads: vision.heads,
      num_channels: 3,
      num_hidden_layers: vision.layers,
      patch_size: vision.patchSize,
      ...(vision.modelType === 'clip' ? { projection_dim: vision.hiddenSize } : { vision_use_head: false }),
    },
    vision_feature_layer: featureLayers.length === 1 ? featureLayers[0] : featureLayers,
    vision_feature_select_strategy: featureSelect,
  };
}
