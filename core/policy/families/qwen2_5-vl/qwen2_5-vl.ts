/** Qwen2.5-VL: a tower of RMS norms and gated MLPs that attends within windows, except in a few blocks. */
import { z } from 'zod';
import { checkConfig, unusable } from '../../checkpoint/check-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { describeText } from '../parts/describe-text.ts';
import { type Entry, linear, textShapes } from '../parts/parameter-shapes.ts';
import { qwen25Names } from '../qwen-vl/parameter-names.ts';
import {
  commonVision,
  type QwenConfig,
  type QwenVisionConfig,
  readQwenConfig,
  visionFields,
  writeQwenConfigs,
} from '../qwen-vl/qwen-config.ts';
import { qwenFamily } from '../qwen-vl/qwen-family.ts';
import { patchFeeds } from '../qwen-vl/vision-parts.ts';
import { imageFeatures } from './vision.ts';

export type Qwen25Vision = QwenVisionConfig & {
  /** Side of a window in pixels. */
  windowSize: number;
  /** Blocks that attend to the whole picture. */
  fullBlocks: readonly number[];
};
export type Qwen25Config = Omit<QwenConfig, 'vision'> & { family: 'qwen2_5_vl'; vision: Qwen25Vision };

const visionSchema = z.object({
  ...visionFields({ hiddenSize: 3584, intermediateSize: 3420, depth: 32, patch: 14 }),
  hidden_act: z.literal('silu').default('silu'),
  window_size: z.int().min(1).default(112),
  fullatt_block_indexes: z.array(z.int().min(0)).default([7, 15, 23, 31]),
});

export const qwen25Vl: ModelFamily<Qwen25Config> = {
  ...qwenFamily<Qwen25Config>('qwen2_5_vl'),
  supported: 'Qwen2.5-VL (qwen2_5_vl)',
  names: qwen25Names,

  readConfig(content, origin) {
    const { vision, outputs, ...config } = readQwenConfig(content, origin, 'qwen2_5_vl_text');
    const eyes = checkConfig(visionSchema, vision, `${origin}, vision_config`);
    outputs(eyes.out_hidden_size);
    const cell = eyes.patch_size * eyes.spatial_merge_size;
    if (eyes.window_size < cell)
      unusable(origin, `window_size ${eyes.window_size} is less than the ${cell} pixels that make one image token`);
    return {
      ...config,
      family: 'qwen2_5_vl',
      vision: {
        ...commonVision(eyes, origin),
        windowSize: eyes.window_size,
        fullBlocks: eyes.fullatt_block_indexes,
      },
    };
  },
  writeConfigs: (config, dtype, source) =>
    writeQwenConfigs(config, dtype, source, {
      architecture: 'Qwen2_5_VLForConditionalGeneration',
      modelType: 'qwen2_5_vl',
      own: {
        fullatt_block_indexes: config.vision.fullBlocks,
        hidden_act: 'silu',
        window_size: config.vision.windowSize,
      },
    }),
  describe: ({ text, vision }) =>
    `Qwen2.5-VL; decoder: ${describeText(text)}; tower: ${vision.layers} layers of ${vision.hiddenSize}, ` +
    `patches of ${vision.patchSize}, windows of ${vision.windowSize} px`,

  isUnused: () => false,
  parameterShapes: ({ text, vision }) => new Map([...visionShapes(vision, text.hiddenSize), ...textShapes(text)]),

  imageFeatures,
  pictureFeeds({ vision }, pictures, shape, newPixels) {
    const { merge, patchSize, windowSize } = vision;
    // Windows are counted in whole cells from the top left.
    const side = merge * Math.floor(windowSize / merge / patchSize);
    return patchFeeds(vision, pictures, shape, newPixels, {
      patch_pictures: () => 0,
      patch_windows: (row, column, { grid: [, columns] }) =>
        Math.floor(row / side) * Math.ceil(columns / side) + Math.floor(column / side),
    });
  },
};

function visionShapes(
  { hiddenSize, intermediateSize, layers, merge, patchSize, temporalPatchSize }: Qwen25Vision,
  outputs: number,
): Entry[] {
  const joined = merge ** 2 * hiddenSize;
  const block = (index: number): Entry[] => {
    const at = `vision_tower.blocks.${index}`;
    return [
      [`${at}.norm1.weight`, [hiddenSize]],
      ...linear(`${at}.attn.qkv`, 3 * hiddenSize, hiddenSize, true),
      ...linear(`${at}.attn.proj`, hiddenSize, hiddenSize, true),
      [`${at}.norm2.weight`, [hiddenSize]],
      ...linear(`${at}.mlp.gate_proj`, intermediateSize, hiddenSize, true),
      ...linear(`${at}.mlp.up_proj`, intermediateSize, hiddenSize, true),
      ...linear(`${at}.mlp.down_proj`, hiddenSize, intermediateSize, true),
    ];
  };
  return [
    ['vision_tower.patch_embed.proj.weight', [hiddenSize, 3, temporalPatchSize, patchSize, patchSize]],
    ...Array.from({ length: layers }, (_, index) => block(index)).flat(),
    ['multi_modal_projector.merger.ln_q.weight', [hiddenSize]],
    ...linear('multi_modal_projector.merger.mlp.0', joined, joined, true),
    ...linear('multi_modal_projector.merger.mlp.2', outputs, joined, true),
  ];
}
