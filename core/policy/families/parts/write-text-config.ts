/** The decoder's part of a written `config.json`. */
import { fraction } from '../../checkpoint/config-json.ts';
import type { RopeScaling, RopeSections, TextConfig } from '../../vlm-config.ts';

export function writtenTextConfig(text: TextConfig): object {
  return {
    attention_bias: text.attentionBias === 'all',
    bos_token_id: text.bosTokenId,
    eos_token_id: text.eosTokenIds.length === 1 ? text.eosTokenIds[0] : text.eosTokenIds,
    head_dim: text.headDim,
    hidden_act: 'silu',
    hidden_size: text.hiddenSize,
    intermediate_size: text.intermediateSize,
    max_position_embeddings: text.maxPositions,
    mlp_bias: text.mlpBias,
    model_type: text.modelType,
    num_attention_heads: text.heads,
    num_hidden_layers: text.layers,
    num_key_value_heads: text.keyValueHeads,
    pad_token_id: text.padTokenId,
    rms_norm_eps: fraction(text.rmsNormEps),
    rope_parameters: {
      rope_theta: fraction(text.ropeTheta),
      ...ropeType(text.ropeScaling),
      ...sections(text.ropeSections),
    },
    // Read by transformers 4.
    rope_theta: fraction(text.ropeTheta),
    ...((text.ropeScaling ?? text.ropeSections) !== null && {
      rope_scaling: { ...ropeType(text.ropeScaling), ...sections(text.ropeSections) },
    }),
    ...(text.modelType === 'mistral' && { sliding_window: text.slidingWindow }),
    tie_word_embeddings: text.tiedEmbeddings,
    vocab_size: text.vocabSize,
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

function sections(of: RopeSections | null): object {
  return of === null ? {} : { mrope_section: of.lengths, ...(of.interleaved && { mrope_interleaved: true }) };
}
