/** The vision tower's part of a `config.json`, with the defaults of `CLIPVisionConfig` and `SiglipVisionConfig`. */
import { z } from 'zod';
import type { VisionConfig } from './llava-config.ts';

const length = z.int().min(1);

/** Activations between linear layers. */
export const activation = z.enum(['quick_gelu', 'gelu', 'gelu_pytorch_tanh']);

const clip = z.object({
  model_type: z.literal('clip_vision_model'),
  hidden_size: length.default(768),
  intermediate_size: length.default(3072),
  num_hidden_layers: length.default(12),
  num_attention_heads: length.default(12),
  num_channels: z.literal(3).default(3),
  image_size: length.default(224),
  patch_size: length.default(32),
  layer_norm_eps: z.number().positive().default(1e-5),
  hidden_act: activation.default('quick_gelu'),
});

const siglip = clip.extend({
  model_type: z.literal('siglip_vision_model'),
  patch_size: length.default(16),
  layer_norm_eps: z.number().positive().default(1e-6),
  hidden_act: activation.default('gelu_pytorch_tanh'),
});

/** Without a kind it is CLIP. */
export const visionSchema = z.preprocess(
  (content) =>
    typeof content === 'object' && content !== null && !('model_type' in content)
      ? { model_type: 'clip_vision_model', ...content }
      : content,
  z.discriminatedUnion('model_type', [clip, siglip]),
);

export function visionConfig(vision: z.infer<typeof visionSchema>): VisionConfig {
  return {
    modelType: vision.model_type === 'siglip_vision_model' ? 'siglip' : 'clip',
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    layers: vision.num_hidden_layers,
    heads: vision.num_attention_heads,
    imageSize: vision.image_size,
    patchSize: vision.patch_size,
    layerNormEps: vision.layer_norm_eps,
    activation: vision.hidden_act,
  };
}
