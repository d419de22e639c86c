/**
 * The interface of a policy for rollouts, evaluations and updates, on any device. Token ids are the tokenizer's;
 * prompts hold as many image tokens as the family counts for the picture.
 */
import type { Picture } from './families/model-family.ts';

/** The rows' pictures, as the checkpoint's preprocessing makes them. */
export type Pictures = readonly Picture[];

/** One prompt to answer. Rows of one request may have prompts of different lengths and may share an image. */
export type SampleRow = {
  /** Its index in `pictures`. */
  image: number;
  promptIds: readonly number[];
  /**
   * One uniform number in (0, 1) per token that may be generated (inverse-CDF sampling). Ignored by greedy decoding.
   */
  noise: Float32Array;
};

export type SampleRequest = {
  rows: readonly SampleRow[];
  pictures: Pictures;
  maxNewTokens: number;
  /** 0 means greedy. Log-probs of a greedy sample are those at temperature 1. */
  temperature: number;
  repetitionPenalty: number;
  /**
   * Whether the repetition penalty counts prompt ids too (transformers' habit); the original GTR counts generated ids
   * only.
   */
  penalizePrompt: boolean;
};

export type SampledRow = {
  /** Generated ids, including the end-of-sequence id if it was sampled. */
  ids: number[];
  /** log_softmax(logits / temperature) at each id, without the repetition penalty. [ids] */
  logprobs: Float32Array;
  /** Value head on the final-norm hidden state of the last prompt token. */
  value: number;
};

/** One row of a gradient pass: a flat token sequence with two weight streams. A row may carry either or both. */
export type TrainingRow = {
  /** Its index in `pictures`. */
  image: number;
  promptIds: readonly number[];
  responseIds: readonly number[];
  ppo?: {
    /** Coefficient of each response token in the response's log-prob: thought_coef or 1. [responseIds] */
    tokenWeights: Float32Array;
    oldLogprob: number;
    oldValue: number;
    advantage: number;
    return: number;
    /** Weight of this row's action loss and value loss in the total, e.g. 1 / rows of the optimizer step. */
    weight: number;
  };
  /** The seed of the row's LoRA dropout: an odd signed 64-bit number. Required with dropout. */
  dropoutSeed?: bigint;
  /** Coefficient of each response token's cross-entropy in the total loss (0: masked). [responseIds] */
  sftWeights?: Float32Array;
};

export type GradientRequest = {
  rows: readonly TrainingRow[];
  pictures: Pictures;
  temperature: number;
  /** Clip of ratio and value. */
  clip: number;
  /** Upper clip of the ratio; default: `clip`. */
  clipHigh?: number;
  valueCoef: number;
};

/** What a gradient pass measured per row (NaN where the row lacks that stream). Losses are unweighted. */
export type RowStatistics = {
  logprob: number;
  value: number;
  ratio: number;
  actionLoss: number;
  valueLoss: number;
  /** Weighted sum of cross-entropies, i.e. the row's part of the total SFT loss. */
  sftLoss: number;
  /** Mean entropy of the temperature-scaled distribution over the response tokens, in nats. */
  entropy: number;
};

/**
 * Part `index` of `of` parts of a request's shards: the share of one of several workers. Shards, longest rows first,
 * are distributed back and forth (0, 1, 1, 0, 0, ...), so that all parts take about the same time. Sums of parts that
 * are added in order have the same bytes whichever worker computed them.
 */
export type ShardGroup = { index: number; of: number };

/** `gradient`: of the request's loss. [trainedSize] `rows`: for a group, only its own rows are filled. */
export type Gradients = { gradient: Float32Array; rows: RowStatistics[] };

/** Trained parameters by canonical name, float32, in a fixed order. */
export type Parameters = ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>;

export interface PolicyEngine {
  /** Names and shapes of trained parameters, in the order of every flat vector below. */
  readonly trained: readonly { name: string; shape: readonly number[] }[];
  /** Elements of all trained parameters together. */
  readonly trainedSize: number;
  /** Whether a thread or process that it computes on has died: then only a new engine helps. */
  readonly failed: boolean;
  /** Seconds of computing so far: passes, sums of their gradients, and `timed` work. */
  readonly seconds: number;
  /** Counts the caller's arithmetic on the policy, such as the optimizer's, as computing. */
  timed<T>(work: () => T): Promise<T>;
  /** The checkpoint's own values (new LoRA matrices and value heads: seeded initialisation). [trainedSize] */
  initialParameters(seed: number): Float32Array;
  /** Makes `flat` the policy of all later calls. [trainedSize] */
  setParameters(flat: Float32Array): Promise<void>;
  /** `onRow` gets each row and its index in the request as soon as it is done, while others are still being sampled. */
  sample(request: SampleRequest, onRow?: (sampled: SampledRow, row: number) => void): Promise<SampledRow[]>;
  /** Teacher-forced log-probs of responses (one Float32Array per row, at `temperature`) and values. */
  score(request: {
    rows: readonly Pick<TrainingRow, 'image' | 'promptIds' | 'responseIds'>[];
    pictures: Pictures;
    temperature: number;
  }): Promise<{ logprobs: Float32Array[]; values: Float32Array }>;
  /**
   * The gradient of the sum of weighted losses over rows (with `group`: over its shards). The bytes do not depend on
   * the number of lanes. [trainedSize]
   */
  gradients(request: GradientRequest, group?: ShardGroup): Promise<Gradients>;
  /** Prepares `gradients` of this request, e.g. while those of another are computed. */
  layOut(request: GradientRequest): void;
  /** Takes back a gradient that is no longer read, to be overwritten. */
  recycle(gradient: Float32Array): void;
  close(): Promise<void>;
}
