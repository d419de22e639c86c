/** What a LLaVA-architecture model is made of: a CLIP vision tower, a projector, a Llama or Mistral decoder. */
import type { CommonConfig } from '../../vlm-config.ts';

/** CLIP vision tower. Lengths in units of the named thing. */
export type VisionConfig = {
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
  /** `default` drops the class token, `full` keeps it. */
  featureSelect: 'default' | 'full';
  projectorActivation: 'gelu' | 'gelu_pytorch_tanh' | 'quick_gelu';
  projectorBias: boolean;
};

/** Image tokens per image. */
export function imageTokens({ vision, featureSelect }: Pick<LlavaConfig, 'vision' | 'featureSelect'>): number {
  return Math.floor(vision.imageSize / vision.patchSize) ** 2 + (featureSelect === 'full' ? 1 : 0);
}
