/** The cases of `npm run bench -- engine`: one table for the engine and PyTorch, with goals. */

/**
 * Some optimizer steps: `ppo` samples and `sft` corrections each, prompts of one length, responses of `shortest` to
 * `longest` tokens.
 */
export type UpdateCase = {
  kind: 'update';
  model: ModelName;
  ppo: number;
  sft: number;
  promptTokens: number;
  shortest: number;
  longest: number;
  steps: number;
  rowsPerPass: number;
  /** Rank of adapters on the decoder's linear layers; everything else is frozen. Absent: all parameters are trained. */
  lora?: number;
};
/** `rounds` times `rows` responses of `tokens` tokens; `rowsPerPrompt` of them answer the same prompt. */
export type SampleCase = {
  kind: 'sample';
  model: ModelName;
  rows: number;
  rowsPerPrompt: number;
  promptTokens: number;
  tokens: number;
  rounds: number;
  lora?: number;
};
/** A product of two square matrices: the core's speed. */
export type ProductCase = { kind: 'product'; size: number };
/** Only the matrix products of one pass of an update. */
export type PassProductsCase = Omit<UpdateCase, 'kind'> & { kind: 'pass products' };
export type Case = (UpdateCase | SampleCase | ProductCase | PassProductsCase) & {
  /** At most this share of PyTorch's time, by variant of bench/engine-pytorch.py. */
  goals?: Record<string, number>;
};

/** The built-in Points24 model's shapes; its decoder made wider (d 128, 4 layers); SmolLM's. */
export type ModelName = 'tiny' | '1m' | '135m';

const mixedUpdates = {
  model: 'tiny',
  ppo: 32,
  sft: 32,
  promptTokens: 30,
  shortest: 39,
  longest: 44,
  steps: 4,
  rowsPerPass: 16,
} as const;
const trainStep = {
  model: '1m',
  ppo: 0,
  sft: 16,
  promptTokens: 164,
  shortest: 60,
  longest: 60,
  steps: 1,
  rowsPerPass: 4,
} as const;
const update = { kind: 'update', steps: 1 } as const;
const sample = { kind: 'sample', rowsPerPrompt: 1, rounds: 1 } as const;

export const PEAK = 'product of 1,024 x 1,024 matrices';

export const CASES: Record<string, Case> = {
  [PEAK]: { kind: 'product', size: 1024 },
  '0.47 M, 32 prompts of 30, 44 tokens, 2 rounds': {
    ...sample,
    model: 'tiny',
    rows: 32,
    promptTokens: 30,
    tokens: 44,
    rounds: 2,
  },
  '0.47 M, 4 updates, PPO 32': {
    ...update,
    model: 'tiny',
    ppo: 32,
    sft: 0,
    promptTokens: 30,
    shortest: 39,
    longest: 44,
    steps: 4,
    rowsPerPass: 16,
  },
  '0.47 M, 4 updates, PPO 32 + SFT 32': { ...update, ...mixedUpdates, goals: { eager: 0.6, sdpa: 0.6 } },
  '0.47 M, matrix products of one of their passes': { kind: 'pass products', ...mixedUpdates },
  '0.95 M, train step 16 x 224, loss on 60': { ...update, ...trainStep, goals: { eager: 0.67, 'sdpa-trimmed': 0.9 } },
  '0.95 M, train step, matrix products of one pass': { kind: 'pass products', ...trainStep },
  '0.95 M, 16 prompts of 124, 100 tokens': {
    ...sample,
    model: '1m',
    rows: 16,
    promptTokens: 124,
    tokens: 100,
    goals: { generate: 1 / 4 },
  },
  '0.95 M, 64 prompts of 124, 100 tokens': {
    ...sample,
    model: '1m',
    rows: 64,
    promptTokens: 124,
    tokens: 100,
    goals: { generate: 1 / 3 },
  },
  '0.95 M, 16 rows, four a prompt': {
    ...sample,
    model: '1m',
    rows: 16,
    rowsPerPrompt: 4,
    promptTokens: 124,
    tokens: 100,
    goals: { generate: 1 / 6 },
  },
  '135 M, train step 4 x 224, loss on 60': {
    ...update,
    model: '135m',
    ppo: 0,
    sft: 4,
    promptTokens: 164,
    shortest: 60,
    longest: 60,
    rowsPerPass: 4,
  },
  '135 M, LoRA r 16, train step 4 x 224, loss on 60': {
    ...update,
    model: '135m',
    lora: 16,
    ppo: 2,
    sft: 2,
    promptTokens: 164,
    shortest: 60,
    longest: 60,
    rowsPerPass: 4,
    goals: { sdpa: 1 },
  },
  '135 M, LoRA r 16, 8 prompts of 124, 32 tokens': {
    ...sample,
    model: '135m',
    lora: 16,
    rows: 8,
    promptTokens: 124,
    tokens: 32,
    goals: { generate: 0.6 },
  },
  '135 M, 8 prompts of 124, 32 tokens': { ...sample, model: '135m', rows: 8, promptTokens: 124, tokens: 32 },
};

/** PyTorch's counterpart of each kind. */
export const VARIANTS: Record<Case['kind'], readonly string[]> = {
  product: ['mm'],
  'pass products': ['matmul'],
  update: ['eager', 'sdpa', 'sdpa-trimmed'],
  sample: ['generate'],
};
