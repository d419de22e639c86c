/**
 * Qwen3-VL: interpolated learned positions, and features of middle blocks for the first decoder layers.
 */
import { z } from 'zod';
import { checkConfig, unusable } from '../../checkpoint/check-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { describeText } from '../parts/describe-text.ts';
import { type Entry, linear, norm, textShapes } from '../parts/parameter-shapes.ts';
import { qwen3Names } from '../qwen-vl/parameter-names.ts';
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
import { imageFeatures, tableIndices } from './vision.ts';

export type Qwen3Vision = QwenVisionConfig & {
  /** Side of the square table of learned positions. */
  tableSide: number;
  /** Blocks whose output also goes to decoder layer 0, 1, ... */
  deepstackBlocks: readonly number[];
};
export type Qwen3Config = Omit<QwenConfig, 'vision'> & { family: 'qwen3_vl'; vision: Qwen3Vision };

const visionSchema = z.object({
  ...visionFields({ hiddenSize: 1152, intermediateSize: 4304, depth: 27, patch: 16 }),
  hidden_act: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
  num_position_embeddings: z.int().min(1).default(2304),
  deepstack_visual_indexes: z.array(z.int().min(0)).default([8, 16, 24]),
});

export const qwen3Vl: ModelFamily<Qwen3Config> = {
  ...qwenFamily<Qwen3Config>('qwen3_vl'),
  supported: 'Qwen3-VL (qwen3_vl)',
  names: qwen3Names,

  readConfig(content, origin) {
    const { vision, outputs, ...config } = readQwenConfig(content, origin, 'qwen3_vl_text');
    const eyes = checkConfig(visionSchema, vision, `${origin}, vision_config`);
    outputs(eyes.out_hidden_size);
    const tableSide = Math.sqrt(eyes.num_position_embeddings);
    if (!Number.isInteger(tableSide))
      unusable(origin, `num_position_embeddings ${eyes.num_position_embeddings} is not a square number`);
    const last = Math.max(-1, ...eyes.deepstack_visual_indexes);
    if (last >= eyes.depth) unusable(origin, `deepstack_visual_indexes name block ${last} of ${eyes.depth}`);
    return {
      ...config,
      family: 'qwen3_vl',
      vision: {
        ...commonVision(eyes, origin),
        tableSide,
        deepstackBlocks: eyes.deepstack_visual_indexes,
      },
    };
  },
  writeConfigs: (config, dtype, source) =>
    writeQwenConfigs(config, dtype, source, {
      architecture: 'Qwen3VLForConditionalGeneration',
      modelType: 'qwen3_vl',
      own: {
        deepstack_visual_indexes: config.vision.deepstackBlocks,
        hidden_act: 'gelu_pytorch_tanh',
        num_position_embeddings: config.vision.tableSide ** 2,
      },
    }),
  describe: ({ text, vision }) =>
    `Qwen3-VL; decoder: ${describeText(text)}; ` +
    `tower: ${vision.layers} layers of ${vision.hiddenSize}, patches of ${vision.patchSize}, deepstack after blocks ` +
    `${vision.deepstackBlocks.join(', ')}`,

  parameterShapes: ({ text, vision }) => new Map([...visionShapes(vision, text.hiddenSize), ...textShapes(text)]),
  isUnused({ text, vision: { deepstackBlocks } }, name) {
    const [, merger] = /\.deepstack_merger_list\.(\d+)\./.exec(name) ?? [];
    if (merger === undefined) return false;
    // The first block's features go to layer 0; there may be more blocks than layers.
    const block = deepstackBlocks[Number(merger)];
    return deepstackBlocks.filter((other) => other < block).length >= text.layers;
  },

  imageFeatures,
  pictureFeeds: ({ vision }, pictures, shape, newPixels) => ({
    ...patchFeeds(vision, pictures, shape, newPixels, { patch_pictures: () => 0 }),
    ...tableIndices(vision, pictures, shape),
  }),
};

function visionShapes(
  {
    hiddenSize,
    intermediateSize,
    layers,
    merge,
    patchSize,
    temporalPatchSize,
    tableSide,
    deepstackBlocks,
  }: Qwen3Vision,
  outputs: number,
): Entry[] {
  const joined = merge ** 2 * hiddenSize;
  const block = (index: number): Entry[] => {
    const at = `vision_tower.blocks.${index}`;
    return [
      ...norm(`${at}.norm1`, hiddenSize),
      ...norm(`${at}.norm2`, hiddenSize),
      ...linear(`${at}.attn.qkv`, 3 * hiddenSize, hiddenSize, true),
      ...linear(`${at}.attn.proj`, hiddenSize, hiddenSize, true),
      ...linear(`${at}.mlp.linear_fc1`, intermediateSize, hiddenSize, true),
      ...linear(`${at}.mlp.linear_fc2`, hiddenSize, intermediateSize, true),
    ];
  };
  const merger = (name: string, normed: number): Entry[] => [
    ...norm(`multi_modal_projector.${name}.norm`, normed),
    ...linear(`multi_modal_projector.${name}.linear_fc1`, joined, joined, true),
    ...linear(`multi_modal_projector.${name}.linear_fc2`, outputs, joined, true),
  ];
  return [
    ['vision_tower.patch_embed.proj.weight', [hiddenSize, 3, temporalPatchSize, patchSize, patchSize]],
    ['vision_tower.patch_embed.proj.bias', [hiddenSize]],
    ['vision_tower.pos_embed.weight', [tableSide ** 2, hiddenSize]],
    ...Array.from({ length: layers }, (_, index) => block(index)).flat(),
    ...merger('merger', hiddenSize),
    ...deepstackBlocks.flatMap((_, index) => merger(`deepstack_merger_list.${index}`, joined)),
  ];
}
