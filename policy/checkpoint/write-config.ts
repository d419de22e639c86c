/** `VlmConfig` as the `config.json` that transformers reads. */
import type { VlmConfig } from '../vlm-config.ts';

const TORCH_TYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** Element types of written weights. */
export type WrittenDType = keyof typeof TORCH_TYPES;

/** A `LlavaForConditionalGeneration` configuration (one base image), whatever layout the model came in. */
export function huggingFaceConfig({ vision, text, featureLayers, featureSelect, projectorActivation, projectorBias, imageTokenId }: VlmConfig, dtype: WrittenDType): object {
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
      rms_norm_eps: text.rmsNormEps,
      rope_parameters: { rope_theta: text.ropeTheta, rope_type: 'default' },
      // Read by transformers 4.
      rope_theta: text.ropeTheta,
      ...(text.family === 'mistral' && { sliding_window: null }),
      tie_word_embeddings: text.tiedEmbeddings,
      vocab_size: text.vocabSize,
    },
    tie_word_embeddings: text.tiedEmbeddings,
    vision_config: {
      hidden_act: vision.activation,
      hidden_size: vision.hiddenSize,
      image_size: vision.imageSize,
      intermediate_size: vision.intermediateSize,
      layer_norm_eps: vision.layerNormEps,
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
