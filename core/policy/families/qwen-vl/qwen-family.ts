/** What the Qwen vision-language families have in common: pictures, the tokens around them, positions. */
import { preprocessorSettings } from '../parts/pixel-values.ts';
import type { ModelFamily, Picture } from '../model-family.ts';
import { cells, gridPositions } from './patch-grid.ts';
import { qwenPreprocessor, qwenProcessor } from './preprocess-image.ts';
import type { QwenConfig } from './qwen-config.ts';
import type { VlmConfig } from '../../vlm-config.ts';

type Shared =
  | 'name'
  | 'describes'
  | 'unreadShapes'
  | 'loadPreprocessor'
  | 'newPreprocessor'
  | 'processor'
  | 'recordedPictures'
  | 'newTokens'
  | 'alwaysBegins'
  | 'imageMark'
  | 'imageWords'
  | 'imageTokens'
  | 'pictureParts'
  | 'pictureValues'
  | 'partsStep'
  | 'tokensOfParts'
  | 'positionAxes'
  | 'positions'
  | 'describePicture';

const [START, IMAGE, END] = ['<|vision_start|>', '<|image_pad|>', '<|vision_end|>'];

/** The smallest step of the number of cells, where pictures differ in size. */
const LEAST_STEP = 4;

/** The members of a family object that both generations share. `name`: the `model_type` too. */
export function qwenFamily<C extends QwenConfig & VlmConfig>(name: C['family']): Pick<ModelFamily<C>, Shared> {
  const mergeOf = ({ vision }: C) => vision.merge;
  return {
    name,
    describes: (content) => (content as { model_type?: unknown }).model_type === name,
    unreadShapes: () => new Map(),

    loadPreprocessor(folder, { vision }) {
      const { settings, origin } = preprocessorSettings(folder);
      return qwenPreprocessor(settings, origin, vision);
    },
    newPreprocessor: ({ vision }, imageSize) => ({
      image_processor_type: 'Qwen2VLImageProcessor',
      min_pixels: (vision.patchSize * vision.merge) ** 2,
      max_pixels: imageSize ** 2,
      patch_size: vision.patchSize,
      temporal_patch_size: vision.temporalPatchSize,
      merge_size: vision.merge,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    }),
    processor: qwenProcessor,
    recordedPictures({ vision }, tensor) {
      const { data } = tensor('pixel_values');
      const { shape, data: grids } = tensor('image_grid_thw');
      const plane = vision.patchSize ** 2;
      let patch = 0;
      return Array.from({ length: shape[0] }, (_, image): Picture => {
        const [, rows, columns] = grids.subarray(3 * image, 3 * image + 3);
        const pixels = new Float32Array(rows * columns * 3 * plane);
        // The first frame of each channel: a still image is repeated as the second.
        for (let channel = 0; channel < rows * columns * 3; channel++) {
          const from = (patch * 3 + channel) * vision.temporalPatchSize * plane;
          pixels.set(data.subarray(from, from + plane), channel * plane);
        }
        patch += rows * columns;
        return { pixels, grid: [rows, columns] };
      });
    },
    newTokens: [
      { text: START, field: 'vision_start_token_id' },
      { text: IMAGE, field: 'image_token_id' },
      { text: END, field: 'vision_end_token_id' },
      { text: '<|video_pad|>', field: 'video_token_id' },
    ],

    alwaysBegins: false,
    imageMark: IMAGE,
    imageWords: (config, grid, plain) => ({
      text: plain ? `${START}${IMAGE}${END}` : IMAGE,
      tokensEach: cells(grid, mergeOf(config)),
    }),
    imageTokens: (config, grid) => cells(grid, mergeOf(config)),
    pictureParts: (_, [rows, columns]) => rows * columns,
    pictureValues: ({ vision }, [rows, columns]) => rows * columns * 3 * vision.patchSize ** 2,
    partsStep: (config, parts) => {
      const most = parts / mergeOf(config) ** 2;
      return mergeOf(config) ** 2 * Math.max(LEAST_STEP, 2 ** Math.floor(Math.log2(most)) / 16);
    },
    tokensOfParts: (config, parts) => parts / mergeOf(config) ** 2,
    positionAxes: 3,
    positions: (config, promptIds, grid) => gridPositions(promptIds, config.imageTokenId, grid, mergeOf(config)),
    describePicture: (_, [rows, columns]) => `${rows} x ${columns} patches`,
  };
}
