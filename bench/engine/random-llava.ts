/** Checkpoints of any size with random weights: for measuring time and memory only. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { elements } from '../../core/graph/tensor.ts';
import { openCheckpoint, type Checkpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { writeCheckpoint, type WrittenParameter } from '../../core/policy/checkpoint/write-checkpoint.ts';
import type { LlavaConfig, VisionConfig } from '../../core/policy/families/llava/llava-config.ts';
import type { Grid } from '../../core/policy/families/model-family.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import type { TextConfig, VlmConfig } from '../../core/policy/vlm-config.ts';
import { RandomStream } from '../../core/random/counter.ts';

export type WeightType = 'F32' | 'F16' | 'BF16';

const vision = (
  hiddenSize: number,
  layers: number,
  heads: number,
  imageSize: number,
  patchSize: number,
): VisionConfig => ({
  modelType: 'clip',
  hiddenSize,
  intermediateSize: 4 * hiddenSize,
  layers,
  heads,
  imageSize,
  patchSize,
  layerNormEps: 1e-5,
  activation: 'quick_gelu',
});

const text = (
  hiddenSize: number,
  intermediateSize: number,
  layers: number,
  heads: number,
  keyValueHeads: number,
  vocabSize: number,
  tiedEmbeddings = false,
): TextConfig => ({
  modelType: 'llama',
  vocabSize,
  hiddenSize,
  intermediateSize,
  layers,
  heads,
  keyValueHeads,
  headDim: hiddenSize / heads,
  ropeTheta: 10_000,
  rmsNormEps: 1e-5,
  tiedEmbeddings,
  attentionBias: 'none',
  headNorm: false,
  ropeSections: null,
  mlpBias: false,
  maxPositions: 4096,
  ropeScaling: null,
  slidingWindow: null,
  bosTokenId: 1,
  eosTokenIds: [2],
  padTokenId: 0,
});

const llava = (visionConfig: VisionConfig, textConfig: TextConfig): LlavaConfig => ({
  family: 'llava',
  vision: visionConfig,
  text: textConfig,
  featureLayers: [-2],
  featureSelect: 'default',
  projectorActivation: 'gelu',
  projectorBias: true,
  imageTokenId: 3,
});

/** Qwen2.5-VL-7B-Instruct. */
const QWEN_7B: VlmConfig = {
  family: 'qwen2_5_vl',
  text: {
    ...text(3584, 18_944, 28, 28, 4, 152_064),
    modelType: 'qwen2_5_vl_text',
    ropeTheta: 1e6,
    rmsNormEps: 1e-6,
    attentionBias: 'queries, keys and values',
    ropeSections: { lengths: [16, 24, 24], interleaved: false },
    maxPositions: 128_000,
    bosTokenId: null,
  },
  vision: {
    hiddenSize: 1280,
    intermediateSize: 3420,
    layers: 32,
    heads: 16,
    patchSize: 14,
    merge: 2,
    temporalPatchSize: 2,
    ropeTheta: 10_000,
    windowSize: 112,
    fullBlocks: [7, 15, 23, 31],
  },
  imageTokenId: 3,
  special: { videoTokenId: 4, visionStartTokenId: 5, visionEndTokenId: 6 },
};

/** SmolVLM-256M-Instruct. */
const SMOLVLM_256M: VlmConfig = {
  family: 'smolvlm',
  modelType: 'idefics3',
  text: { ...text(576, 1536, 30, 9, 3, 49_280), ropeTheta: 100_000, maxPositions: 8192 },
  vision: {
    hiddenSize: 768,
    intermediateSize: 3072,
    layers: 12,
    heads: 12,
    imageSize: 512,
    patchSize: 16,
    layerNormEps: 1e-6,
    activation: 'gelu_pytorch_tanh',
  },
  shuffle: 4,
  imageTokenId: 3,
};

/**
 * By name: decoder shapes that are widely used, each with a CLIP tower that fits (image tokens: 16, 64, 144, 144, 576),
 * and two models as they are.
 */
export const SHAPES = {
  /** For trying a script. */
  tiny: llava(vision(32, 3, 2, 56, 14), text(64, 172, 3, 4, 2, 512)),
  /** SmolLM-135M. */
  '135m': llava(vision(256, 4, 4, 112, 14), text(576, 1536, 30, 9, 3, 49_152, true)),
  /** SmolLM-360M. */
  '360m': llava(vision(512, 6, 8, 168, 14), text(960, 2560, 32, 15, 5, 49_152, true)),
  /** TinyLlama's layers, 14 of its 22. */
  '0.7b': llava(vision(768, 6, 12, 168, 14), text(2048, 5632, 14, 32, 4, 32_064)),
  /** LLaVA 1.5 7B: Vicuna behind CLIP ViT-L/14 at 336 px. */
  '7b': llava(vision(1024, 24, 16, 336, 14), text(4096, 11_008, 32, 32, 32, 32_064)),
  'qwen2.5-vl-7b': QWEN_7B,
  'smolvlm-256m': SMOLVLM_256M,
} as const;

/** How a drawn picture of 300 x 300 pixels is cut; for SmolVLM, without splitting. */
export function drawnGrid({ family }: VlmConfig): Grid {
  return family === 'llava' ? [1, 1] : family === 'smolvlm' ? [0, 0] : [22, 22];
}

export type ShapeName = keyof typeof SHAPES;

/** Elements of the block of normal numbers that every matrix repeats; not a power of two, so that rows differ. */
const BLOCK = 1_000_003;

/** Writes the model once under `parent`, matrices of deviation 1 / sqrt(inputs), and opens it. */
export async function openRandomLlava(parent: string, name: ShapeName, dtype: WeightType): Promise<Checkpoint> {
  const folder = path.join(parent, `llava-${name}-${dtype.toLowerCase()}`);
  if (!existsSync(path.join(folder, 'model.safetensors'))) {
    const random = new RandomStream({ seed: 1, purpose: 'random llava' });
    const block = Float32Array.from({ length: BLOCK }, () => random.normal());
    const config: VlmConfig = SHAPES[name];
    const parameters = [...familyOf(config).parameterShapes(config)].map(
      ([parameter, shape], index): [string, WrittenParameter] => [
        parameter,
        { dtype, shape, data: () => tensor(parameter, shape, block, index * 7919) },
      ],
    );
    await writeCheckpoint(folder, config, new Map(parameters));
  }
  return openCheckpoint(folder);
}

function tensor(name: string, shape: readonly number[], block: Float32Array, start: number): Float32Array {
  const size = elements(shape);
  const data = new Float32Array(size);
  if (name.endsWith('.bias')) return data;
  if (shape.length === 1) return data.fill(1);
  const deviation = /embed_tokens|embedding/.test(name) ? 0.1 : 1 / Math.sqrt(size / shape[0]);
  for (let i = 0; i < size; i++) data[i] = block[(start + i) % BLOCK] * deviation;
  return data;
}
