/**
 * The configuration of a LLaVA-architecture model: a CLIP or SigLIP vision tower, a projector, a Llama, Mistral or
 * Qwen2 decoder.
 */
import type { CommonConfig } from '../../vlm-config.ts';

/** Vision tower. Lengths in units of the named thing. */
export type VisionConfig = {
  /**
   * CLIP has a class token, a norm before the first layer and no bias in its patch embedding; SigLIP the opposite of
   * each.
   */
  modelType: 'clip' | 'siglip';
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  imageSize: number;
  patchSize: number;
  layerNormEps: number;
  activation: 'quick_gelu' | 'gelu' | 'gelu_pytorch_tanh';
};

export type LlavaConfig = CommonConfig & {
  family: 'llava';
  vision: VisionConfig;
  /**
   * Vision layers whose output feeds the projector, as Hugging Face counts (`-2`: the last but one); several are
   * concatenated.
   */
  featureLayers: readonly number[];
  /** `default` drops the first token, CLIP's class token; `full` keeps all. */
  featureSelect: 'default' | 'full';
  projectorActivation: 'gelu' | 'gelu_pytorch_tanh' | 'quick_gelu';
  projectorBias: boolean;
};

/** Image tokens per image. */
export function imageTokens({ vision, featureSelect }: Pick<LlavaConfig, 'vision' | 'featureSelect'>): number {
  return towerTokens(vision) - (featureSelect === 'full' ? 0 : 1);
}

/** Tokens of the tower: patches, and CLIP's class token. */
export function towerTokens({ modelType, imageSize, patchSize }: VisionConfig): number {
  return Math.floor(imageSize / patchSize) ** 2 + (modelType === 'clip' ? 1 : 0);
}
