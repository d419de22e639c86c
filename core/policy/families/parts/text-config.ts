/**
 * The decoder's part of a `config.json`, with the defaults that transformers fills in: checkpoints leave many fields
 * out.
 */
import { z } from 'zod';
import type { RopeScaling, RopeSections, TextConfig } from '../../vlm-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import { checkConfig } from '../../checkpoint/check-config.ts';

const length = z.int().min(1);
const positive = z.number().positive();
/** Unknown fields might change the positions, so they are refused. */
const rope = z.strictObject({
  rope_theta: positive.nullish(),
  rope_type: z.string().optional(),
  type: z.string().optional(),
  factor: positive.optional(),
  low_freq_factor: positive.optional(),
  high_freq_factor: positive.optional(),
  original_max_position_embeddings: length.optional(),
  partial_rotary_factor: z.literal(1).nullish(),
  mrope_section: z.tuple([z.int().min(0), z.int().min(0), z.int().min(0)]).optional(),
  mrope_interleaved: z.boolean().optional(),
});

const schema = z.object({
  model_type: z.enum(['llama', 'mistral', 'qwen2', 'qwen2_5_vl_text', 'qwen3_vl_text']).default('llama'),
  vocab_size: length.optional(),
  hidden_size: length.optional(),
  intermediate_size: length.optional(),
  num_hidden_layers: length.optional(),
  num_attention_heads: length.optional(),
  num_key_value_heads: length.nullish(),
  head_dim: length.nullish(),
  max_position_embeddings: length.optional(),
  original_max_position_embeddings: length.optional(),
  sliding_window: length.nullish(),
  use_sliding_window: z.boolean().nullish(),
  rms_norm_eps: z.number().positive().optional(),
  rope_theta: z.number().positive().nullish(),
  rope_parameters: rope.nullish(),
  rope_scaling: rope.nullish(),
  partial_rotary_factor: z.literal(1).nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  hidden_act: z.literal('silu').default('silu'),
  bos_token_id: z.int().nullish(),
  eos_token_id: z.union([z.int(), z.array(z.int()).min(1)]).nullish(),
  pad_token_id: z.int().nullish(),
});

type Defaults = {
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  /** Null: one for each head. */
  keyValueHeads: number | null;
  /** Null: the hidden size by the heads. */
  headDim: number | null;
  rmsNormEps: number;
  ropeTheta: number;
  maxPositions: number;
  slidingWindow: number | null;
  bosTokenId: number | null;
  eosTokenId: number | null;
  /** Null: as `attention_bias` says. */
  attentionBias: TextConfig['attentionBias'] | null;
  headNorm: boolean;
  /** Null: one axis of positions. */
  ropeSections: RopeSections | null;
};

const LLAMA: Defaults = {
  vocabSize: 32_000,
  hiddenSize: 4096,
  intermediateSize: 11_008,
  layers: 32,
  heads: 32,
  keyValueHeads: null,
  headDim: null,
  rmsNormEps: 1e-6,
  ropeTheta: 10_000,
  maxPositions: 2048,
  slidingWindow: null,
  bosTokenId: 1,
  eosTokenId: 2,
  attentionBias: null,
  headNorm: false,
  ropeSections: null,
};

/** Defaults of transformers' configurations, by `model_type`. */
const DEFAULTS: Readonly<Record<z.infer<typeof schema>['model_type'], Defaults>> = {
  llama: LLAMA,
  mistral: { ...LLAMA, intermediateSize: 14_336, keyValueHeads: 8, maxPositions: 131_072, slidingWindow: 4096 },
  qwen2: {
    ...LLAMA,
    vocabSize: 151_936,
    intermediateSize: 22_016,
    keyValueHeads: 32,
    maxPositions: 32_768,
    bosTokenId: null,
    eosTokenId: null,
    attentionBias: 'queries, keys and values',
  },
  qwen2_5_vl_text: {
    ...LLAMA,
    vocabSize: 152_064,
    hiddenSize: 8192,
    intermediateSize: 29_568,
    layers: 80,
    heads: 64,
    keyValueHeads: 8,
    rmsNormEps: 1e-5,
    ropeTheta: 1e6,
    maxPositions: 32_768,
    bosTokenId: 151_643,
    eosTokenId: 151_645,
    attentionBias: 'queries, keys and values',
    ropeSections: { lengths: [16, 24, 24], interleaved: false },
  },
  qwen3_vl_text: {
    ...LLAMA,
    vocabSize: 151_936,
    intermediateSize: 22_016,
    keyValueHeads: 32,
    headDim: 128,
    ropeTheta: 500_000,
    maxPositions: 128_000,
    bosTokenId: null,
    eosTokenId: null,
    headNorm: true,
    ropeSections: { lengths: [24, 20, 20], interleaved: true },
  },
};

/** Reads `content`, the `text_config` of a configuration. Throws `CheckpointError` naming `origin` and the field. */
export function parseTextConfig(content: unknown, origin: string): TextConfig {
  const text = checkConfig(schema, content, origin);
  const family = DEFAULTS[text.model_type];
  const heads = text.num_attention_heads ?? family.heads;
  const hiddenSize = text.hidden_size ?? family.hiddenSize;
  const vocabSize = text.vocab_size ?? family.vocabSize;
  // Left out: the default; null: one for each head.
  const keyValueHeads =
    text.num_key_value_heads === undefined ? (family.keyValueHeads ?? heads) : (text.num_key_value_heads ?? heads);
  const headDim = text.head_dim ?? family.headDim ?? hiddenSize / heads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0)
    throw new CheckpointError(
      `${origin}: hidden_size ${hiddenSize} and ${heads} heads give heads of size ${headDim}; rotary ` +
        `positions need an even whole number`,
    );
  if (heads % keyValueHeads !== 0)
    throw new CheckpointError(
      `${origin}: num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}`,
    );
  // In transformers, a rope_scaling that is not empty replaces rope_parameters as a whole, theta included.
  const { rope_scaling: scaling, rope_parameters: parameters } = text;
  const positions = (scaling && Object.keys(scaling).length > 0 ? scaling : parameters) ?? {};
  const maxPositions = text.max_position_embeddings ?? family.maxPositions;
  const ends = text.eos_token_id === undefined ? family.eosTokenId : text.eos_token_id;
  const originalPositions =
    text.original_max_position_embeddings ?? positions.original_max_position_embeddings ?? maxPositions;
  return {
    modelType: text.model_type,
    vocabSize,
    hiddenSize,
    intermediateSize: text.intermediate_size ?? family.intermediateSize,
    layers: text.num_hidden_layers ?? family.layers,
    heads,
    keyValueHeads,
    headDim,
    ropeScaling: ropeScaling(positions, originalPositions, origin),
    ropeSections: ropeSections(family.ropeSections, positions, headDim, origin),
    ropeTheta: positions.rope_theta ?? text.rope_theta ?? family.ropeTheta,
    rmsNormEps: text.rms_norm_eps ?? family.rmsNormEps,
    tiedEmbeddings: text.tie_word_embeddings,
    attentionBias: family.attentionBias ?? (text.attention_bias ? 'all' : 'none'),
    headNorm: family.headNorm,
    mlpBias: text.mlp_bias,
    maxPositions,
    slidingWindow: slidingWindow(text, family.slidingWindow, origin),
    bosTokenId: text.bos_token_id === undefined ? family.bosTokenId : text.bos_token_id,
    eosTokenIds: [ends ?? []].flat(),
    padTokenId: usablePad(text.pad_token_id, vocabSize, ends),
  };
}

/** Qwen's older configurations name a window that `use_sliding_window` turns off. */
function slidingWindow(
  { sliding_window: window, use_sliding_window: used, model_type: type }: z.infer<typeof schema>,
  left: number | null,
  origin: string,
): number | null {
  if (!type.startsWith('qwen')) return window === undefined ? left : window;
  if (used)
    throw new CheckpointError(`${origin} sets use_sliding_window, which is not supported for Qwen; set it to false`);
  return null;
}

function ropeSections(
  left: RopeSections | null,
  { mrope_section: lengths, mrope_interleaved: interleaved }: z.infer<typeof rope>,
  headDim: number,
  origin: string,
): RopeSections | null {
  if (left === null) {
    if (lengths !== undefined)
      throw new CheckpointError(`${origin}: mrope_section is for Qwen's decoders; this one has one axis of positions`);
    return null;
  }
  if (interleaved !== undefined && interleaved !== left.interleaved)
    throw new CheckpointError(
      `${origin}: mrope_interleaved is ${interleaved}, which this kind of model never is; fetch config.json again`,
    );
  const sections = { ...left, lengths: lengths ?? left.lengths };
  const total = sections.lengths.reduce((sum, length) => sum + length, 0);
  if (!sections.interleaved && total !== headDim / 2)
    throw new CheckpointError(
      `${origin}: mrope_section ${sections.lengths.join(', ')} makes ${total} frequencies, but heads of ${headDim} ` +
        `have ${headDim / 2}; fetch config.json again`,
    );
  return sections;
}

function ropeScaling(settings: z.infer<typeof rope>, originalPositions: number, origin: string): RopeScaling | null {
  const kind = settings.rope_type ?? settings.type ?? 'default';
  if (kind === 'default' || kind === 'mrope') return null;
  if (kind !== 'linear' && kind !== 'llama3')
    throw new CheckpointError(
      `${origin}: rotary positions of type "${kind}" are not supported; default, linear and llama3 are`,
    );
  const needed = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor') => {
    const value = settings[name];
    if (value === undefined)
      throw new CheckpointError(`${origin}: rotary positions of type "${kind}" lack ${name}; fetch config.json again`);
    return value;
  };
  if (kind === 'linear') return { kind, factor: needed('factor') };
  return {
    kind,
    factor: needed('factor'),
    lowFrequencyFactor: needed('low_freq_factor'),
    highFrequencyFactor: needed('high_freq_factor'),
    originalPositions,
  };
}

/**
 * generate() pads with the end of sequence where no padding token is named; old configurations say -1, or an id that
 * was never added. Padded positions are masked, so any id works.
 */
function usablePad(
  id: number | null | undefined,
  vocabSize: number,
  end: number | readonly number[] | null | undefined,
): number {
  const pad = id ?? [end ?? 0].flat()[0];
  return pad >= 0 && pad < vocabSize ? pad : 0;
}
