/**
 * The decoder's part of a `config.json`, with the defaults that transformers fills in: LLaVA checkpoints leave most
 * fields out.
 */
import { z } from 'zod';
import type { RopeScaling, TextConfig } from '../../vlm-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import { checkConfig } from '../../checkpoint/check-config.ts';

const length = z.int().min(1);
const positive = z.number().positive();
/** What is not known would change the positions, or not: it is refused. */
const rope = z.strictObject({
  rope_theta: positive.nullish(),
  rope_type: z.string().optional(),
  type: z.string().optional(),
  factor: positive.optional(),
  low_freq_factor: positive.optional(),
  high_freq_factor: positive.optional(),
  original_max_position_embeddings: length.optional(),
  partial_rotary_factor: z.literal(1).nullish(),
});

const schema = z.object({
  model_type: z.enum(['llama', 'mistral']).default('llama'),
  vocab_size: length.default(32_000),
  hidden_size: length.default(4096),
  intermediate_size: length.optional(),
  num_hidden_layers: length.default(32),
  num_attention_heads: length.default(32),
  num_key_value_heads: length.nullish(),
  head_dim: length.nullish(),
  max_position_embeddings: length.optional(),
  original_max_position_embeddings: length.optional(),
  sliding_window: length.nullish(),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().nullish(),
  rope_parameters: rope.nullish(),
  rope_scaling: rope.nullish(),
  partial_rotary_factor: z.literal(1).nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  hidden_act: z.literal('silu').default('silu'),
  bos_token_id: z.int().nullable().default(1),
  eos_token_id: z
    .union([z.int(), z.array(z.int()).min(1)])
    .nullable()
    .default(2),
  pad_token_id: z.int().nullish(),
});

/** What `LlamaConfig` and `MistralConfig` fill in differently. Key/value heads of Llama: as many as there are heads. */
const FAMILY_DEFAULTS = {
  llama: { intermediateSize: 11_008, keyValueHeads: undefined, maxPositions: 2048, slidingWindow: null },
  mistral: { intermediateSize: 14_336, keyValueHeads: 8, maxPositions: 131_072, slidingWindow: 4096 },
} as const;

/** Reads `content`, the `text_config` of a configuration. Throws `CheckpointError` naming `origin` and the field. */
export function parseTextConfig(content: unknown, origin: string): TextConfig {
  const text = checkConfig(schema, content, origin);
  const family = FAMILY_DEFAULTS[text.model_type];
  const heads = text.num_attention_heads;
  // Left out: the family's default; null: one for each head.
  const keyValueHeads =
    text.num_key_value_heads === undefined ? (family.keyValueHeads ?? heads) : (text.num_key_value_heads ?? heads);
  const headDim = text.head_dim ?? text.hidden_size / heads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0)
    throw new CheckpointError(
      `${origin}: hidden_size ${text.hidden_size} and ${heads} heads give heads of size ${headDim}; rotary ` +
        `positions ask for an even whole number`,
    );
  if (heads % keyValueHeads !== 0)
    throw new CheckpointError(
      `${origin}: num_attention_heads ${heads} is no multiple of num_key_value_heads ${keyValueHeads}`,
    );
  // transformers takes rope_scaling, where it says anything, in the place of all of rope_parameters, theta included.
  const { rope_scaling: scaling, rope_parameters: parameters } = text;
  const positions = (scaling && Object.keys(scaling).length > 0 ? scaling : parameters) ?? {};
  const maxPositions = text.max_position_embeddings ?? family.maxPositions;
  const originalPositions =
    text.original_max_position_embeddings ?? positions.original_max_position_embeddings ?? maxPositions;
  return {
    modelType: text.model_type,
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size ?? family.intermediateSize,
    layers: text.num_hidden_layers,
    heads,
    keyValueHeads,
    headDim,
    ropeScaling: ropeScaling(positions, originalPositions, origin),
    ropeSections: null,
    ropeTheta: positions.rope_theta ?? text.rope_theta ?? 10_000,
    rmsNormEps: text.rms_norm_eps,
    tiedEmbeddings: text.tie_word_embeddings,
    attentionBias: text.attention_bias ? 'all' : 'none',
    headNorm: false,
    mlpBias: text.mlp_bias,
    maxPositions,
    slidingWindow: text.sliding_window === undefined ? family.slidingWindow : text.sliding_window,
    bosTokenId: text.bos_token_id,
    eosTokenIds: [text.eos_token_id ?? []].flat(),
    padTokenId: usablePad(text.pad_token_id, text.vocab_size, text.eos_token_id),
  };
}

function ropeScaling(settings: z.infer<typeof rope>, originalPositions: number, origin: string): RopeScaling | null {
  const kind = settings.rope_type ?? settings.type ?? 'default';
  if (kind === 'default') return null;
  if (kind !== 'linear' && kind !== 'llama3')
    throw new CheckpointError(
      `${origin}: rotary positions of the kind "${kind}" are not supported; default, linear and llama3 are`,
    );
  const needed = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor') => {
    const value = settings[name];
    if (value === undefined)
      throw new CheckpointError(
        `${origin}: rotary positions of the kind "${kind}" lack ${name}; fetch config.json again`,
      );
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
 * was never added. Padded positions are masked: any id does.
 */
function usablePad(id: number | null | undefined, vocabSize: number, end: number | readonly number[] | null): number {
  const pad = id ?? [end ?? 0].flat()[0];
  return pad >= 0 && pad < vocabSize ? pad : 0;
}
