/** LLaVA 1.5 and 1.6 (its base image): every picture becomes one square, and costs the same number of tokens. */
import path from 'node:path';
import { readJson } from '../../checkpoint/check-config.ts';
import type { ModelFamily } from '../model-family.ts';
import { imageTokens, type LlavaConfig } from './llava-config.ts';
import { isOriginalLayout, towerFolder } from './original-config.ts';
import { names } from './parameter-names.ts';
import { parameterShapes, unreadShapes, usedVisionLayers } from './parameter-shapes.ts';
import { llavaProcessor, loadImagePreprocessor } from './preprocess-image.ts';
import { readLlavaConfig, SUPPORTED } from './read-config.ts';
import { imageFeatures } from './vision.ts';
import { croppingPreprocessor, writtenConfigs } from './write-config.ts';
import { describeText } from '../parts/describe-text.ts';
import { squareParts } from '../parts/square-parts.ts';

const DECODERS: Readonly<Record<string, string>> = { llama: 'Llama', mistral: 'Mistral', qwen2: 'Qwen2' };

export const llava: ModelFamily<LlavaConfig> = {
  ...squareParts<LlavaConfig>(),
  name: 'llava',
  supported: SUPPORTED,
  names,

  describes: (content) =>
    isOriginalLayout(content) ||
    ['llava', 'llava_next'].includes(String((content as { model_type?: unknown }).model_type)),
  readConfig: (content, origin, folder) =>
    readLlavaConfig(content, origin, folder === null ? null : towerFolder(folder, content)),
  writeConfigs: writtenConfigs,
  weightsBeside(folder) {
    // LLaVA 1.5's original checkpoints do not contain the vision tower.
    const tower = towerFolder(folder, readJson(path.join(folder, 'config.json'), 'fetch it again'));
    return tower === null ? null : { folder: tower, prefix: 'vision_tower.' };
  },
  explainMissing: (found) =>
    found.some((name) => name.startsWith('vision_tower.'))
      ? null
      : `no vision tower (original LLaVA 1.5 checkpoints load it from elsewhere); put the tower's folder beside it, ` +
        `as safetensors, or use the conversion on the hub, e.g. llava-hf/llava-1.5-7b-hf`,
  describe({ vision, text, featureLayers, featureSelect }) {
    const decoder = `${DECODERS[text.modelType]} decoder: ${describeText(text)}`;
    const tower =
      `${vision.modelType === 'clip' ? 'CLIP' : 'SigLIP'} tower: ${vision.layers} layers of ` +
      `${vision.hiddenSize}, ${vision.imageSize} px in patches of ${vision.patchSize}, features of layer ` +
      `${featureLayers.join(' and ')}${featureSelect === 'full' && vision.modelType === 'clip' ? ' with class token' : ''}`;
    return `LLaVA; ${decoder}; ${tower}`;
  },
  describePicture: ({ vision }) => `${vision.imageSize} x ${vision.imageSize} pixels`,

  parameterShapes,
  unreadShapes,
  // Vision layers after the last feature layer are never read.
  isUnused: (config, name) =>
    Number(/^vision_tower\.encoder\.layers\.(\d+)\./.exec(name)?.[1] ?? -1) >= usedVisionLayers(config),

  loadPreprocessor: (folder, { vision }) => loadImagePreprocessor(folder, vision.imageSize),
  newPreprocessor: (_, imageSize) => croppingPreprocessor(imageSize, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
  processor: llavaProcessor,
  recordedPictures(_, tensor) {
    const { shape, data } = tensor('pixel_values');
    const length = data.length / shape[0];
    return Array.from({ length: shape[0] }, (__, image) => ({
      pixels: data.subarray(image * length, (image + 1) * length),
      grid: [1, 1],
    }));
  },
  newTokens: [{ text: '<image>', field: 'image_token_index' }],

  alwaysBegins: true,
  imageMark: '<image>',
  imageWords: (config) => ({ text: '<image>', tokensEach: imageTokens(config) }),
  // A grid is [pictures, 1].
  joinPictures(_, pictures) {
    const { length } = pictures[0].pixels;
    const pixels = new Float32Array(pictures.length * length);
    for (const [index, picture] of pictures.entries()) pixels.set(picture.pixels, index * length);
    return { pixels, grid: [pictures.length, 1] };
  },
  imageTokens: (config, [pictures]) => pictures * imageTokens(config),
  pictureParts: (_, [pictures]) => pictures,
  pictureValues: ({ vision }, [pictures]) => pictures * 3 * vision.imageSize ** 2,
  tokensOfParts: (config, pictures) => pictures * imageTokens(config),

  imageFeatures: (g, parameters, config, { images, parts }, inLayer) => ({
    features: imageFeatures(g, parameters, config, images * parts, inLayer),
    deepstack: [],
  }),
};
