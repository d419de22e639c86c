/**
 * What a LLaVA-architecture policy is made of: read from a Hugging Face `config.json`, used by every graph and name
 * table.
 */

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

/**
 * How rotary frequencies are stretched for longer texts than the model was first trained on (transformers'
 * `rope_type`).
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

/** Llama / Mistral decoder. */
export type TextConfig = {
  family: 'llama' | 'mistral';
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headDim: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  rmsNormEps: number;
  tiedEmbeddings: boolean;
  attentionBias: boolean;
  mlpBias: boolean;
  maxPositions: number;
  /** A token sees itself and the `slidingWindow - 1` tokens before; null: all before. */
  slidingWindow: number | null;
  bosTokenId: number | null;
  eosTokenIds: readonly number[];
  padTokenId: number;
};

export type VlmConfig = {
  vision: VisionConfig;
  text: TextConfig;
  /**
   * Vision layers whose output feeds the projector, as Hugging Face counts (`-2`: the last but one); several are
   * concatenated.
   */
  featureLayers: readonly number[];
  /** `default` drops the class token, `full` keeps it. */
  featureSelect: 'default' | 'full';
  projectorActivation: 'gelu' | 'gelu_pytorch_tanh' | 'quick_gelu';
  projectorBias: boolean;
  imageTokenId: number;
};

/**
 * What embeddings, matrix products and residuals are computed in; norms, softmax, activations, positions, losses and
 * the value head are float32 throughout.
 */
export type Precision = 'float32' | 'float16' | 'bfloat16';

/** Image tokens per image. */
export function imageTokens({ vision, featureSelect }: VlmConfig): number {
  return Math.floor(vision.imageSize / vision.patchSize) ** 2 + (featureSelect === 'full' ? 1 : 0);
}

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

/** Factor of B A in an adapted layer; 0 where nothing is adapted. */
export function loraScale(scope: TrainScope): number {
  return scope.kind === 'lora' ? scope.alpha / scope.rank : 0;
}
