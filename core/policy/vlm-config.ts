/** The configuration of a model, read from a Hugging Face `config.json`; every graph and name table uses it. */
import type { LlavaConfig } from './families/llava/llava-config.ts';
import type { Qwen25Config } from './families/qwen2_5-vl/qwen2_5-vl.ts';
import type { Qwen3Config } from './families/qwen3-vl/qwen3-vl.ts';
import type { SmolVlmConfig } from './families/smolvlm/smolvlm-config.ts';

/**
 * How rotary frequencies are scaled for texts longer than the model was first trained on (transformers' `rope_type`).
 */
export type RopeScaling =
  | { kind: 'linear'; factor: number }
  | {
      kind: 'llama3';
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalPositions: number;
    };

/** Which of three axes of positions (time, height, width) each rotary frequency of a head turns by. */
export type RopeSections = { lengths: readonly [number, number, number]; interleaved: boolean };

/** A decoder of gated MLPs, RMS norms and rotary positions. */
export type TextConfig = {
  /** The decoder's own `model_type`. */
  modelType: string;
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headDim: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** Null: one axis of positions. */
  ropeSections: RopeSections | null;
  rmsNormEps: number;
  tiedEmbeddings: boolean;
  /** Which attention projections have a bias. */
  attentionBias: 'none' | 'queries, keys and values' | 'all';
  /** Whether each head's queries and keys are normed before rotation. */
  headNorm: boolean;
  mlpBias: boolean;
  maxPositions: number;
  /** A token sees itself and the `slidingWindow - 1` tokens before it; null: all before it. */
  slidingWindow: number | null;
  bosTokenId: number | null;
  eosTokenIds: readonly number[];
  padTokenId: number;
};

/** The fields that all families' configurations have. */
export type CommonConfig = { text: TextConfig; imageTokenId: number };

export type VlmConfig = LlavaConfig | Qwen25Config | Qwen3Config | SmolVlmConfig;

/**
 * The type of embeddings, matrix products and residuals; norms, softmax, activations, positions, losses and the value
 * head are float32 throughout.
 */
export type Precision = 'float32' | 'float16' | 'bfloat16';

/** Which parameters are trained; the others are frozen. The value head is always trained where it is used. */
export type TrainScope =
  | { kind: 'all' }
  | {
      kind: 'lora';
      rank: number;
      alpha: number;
      /** Probability with which an element of an adapter's input is dropped in updates. */
      dropout: number;
      /** Parts whose linear layers carry an adapter. */
      parts: readonly ('language_model' | 'vision_tower' | 'multi_modal_projector')[];
    };

/**
 * Whole matrices of the adapted layers instead of a LoRA scope's adapters, for a merge of adapters, which has full
 * rank.
 */
export type MergedScope = Omit<TrainScope & { kind: 'lora' }, 'kind'> & { kind: 'merged' };

/** Factor of B A in an adapted layer; 0 without adapters. */
export function loraScale(scope: TrainScope | MergedScope): number {
  return scope.kind === 'lora' ? scope.alpha / scope.rank : 0;
}
