/** SmolVLM and Idefics3: pictures of any size become tiles and a small whole image, labelled by text. */
import type { ModelFamily, Picture, ParameterNames } from '../model-family.ts';
import { type Entry, linear, norm, textShapes } from '../parts/parameter-shapes.ts';
import { peftName } from '../parts/parameter-names.ts';
import { preprocessorSettings } from '../parts/pixel-values.ts';
import { encoderBlockShapes } from '../parts/vision-encoder.ts';
import { smolVlmPreprocessor, smolVlmProcessor } from './preprocess-image.ts';
import {
  patchesPerSide,
  readSmolVlmConfig,
  type SmolVlmConfig,
  tokensPerTile,
  writeSmolVlmConfigs,
} from './smolvlm-config.ts';
import { imageFeatures, patchPositions } from './vision.ts';
import { describeText } from '../parts/describe-text.ts';
import { squareParts } from '../parts/square-parts.ts';

/** Parts of the model, by module name and by the name common to all families. */
const PARTS: readonly (readonly [module: string, canonical: string])[] = [
  ['model.vision_model.', 'vision_tower.'],
  ['model.connector.', 'multi_modal_projector.'],
  ['model.text_model.', 'language_model.'],
];

const moduleName = (canonical: string) => {
  const part = PARTS.find(([, beginning]) => canonical.startsWith(beginning));
  return part === undefined ? canonical : canonical.replace(part[1], part[0]);
};

const names: ParameterNames = {
  canonical(name) {
    const bare = peftName(name);
    const part = PARTS.find(([module]) => bare.startsWith(module));
    return part === undefined ? bare : bare.replace(part[0], part[1]);
  },
  inFile: moduleName,
  modulePaths: (canonical) => [moduleName(canonical)],
};

const [IMAGE, AROUND, WHOLE] = ['<image>', '<fake_token_around_image>', '<global-img>'];

/** Number of tiles: those that the picture was cut into, and one for the whole of it. */
const tileCount = (_: SmolVlmConfig, [rows, columns]: Picture['grid']) => rows * columns + 1;

export const smolVlm: ModelFamily<SmolVlmConfig> = {
  ...squareParts<SmolVlmConfig>(),
  name: 'smolvlm',
  supported: 'SmolVLM and Idefics3 (smolvlm, idefics3)',
  names,

  describes: (content) => ['smolvlm', 'idefics3'].includes(String((content as { model_type?: unknown }).model_type)),
  readConfig: readSmolVlmConfig,
  writeConfigs: writeSmolVlmConfigs,
  describe: ({ text, vision, modelType, shuffle }) =>
    `${modelType === 'smolvlm' ? 'SmolVLM' : 'Idefics3'}; decoder: ${describeText(text)}; ` +
    `SigLIP tower: ${vision.layers} layers of ` +
    `${vision.hiddenSize}, tiles of ${vision.imageSize} px in patches of ${vision.patchSize}, ` +
    `${shuffle} x ${shuffle} patches a token`,
  describePicture(config, grid) {
    const count = tileCount(config, grid);
    return `${count} tile${count > 1 ? 's' : ''} of ${config.vision.imageSize} x ${config.vision.imageSize} pixels`;
  },

  parameterShapes: (config) => new Map([...visionShapes(config), ...textShapes(config.text)]),
  unreadShapes: () => new Map(),
  isUnused: () => false,

  loadPreprocessor(folder, { vision }) {
    const { settings, origin } = preprocessorSettings(folder);
    return smolVlmPreprocessor(settings, origin, vision.imageSize);
  },
  newPreprocessor: ({ vision }, imageSize) => ({
    image_processor_type: 'Idefics3ImageProcessor',
    do_image_splitting: imageSize > vision.imageSize,
    max_image_size: { longest_edge: vision.imageSize },
    size: { longest_edge: imageSize },
    resample: 1,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  }),
  processor: smolVlmProcessor,
  recordedPictures(_, tensor) {
    const { shape, data } = tensor('pixel_values');
    const [rows, tiles] = shape;
    const length = data.length / (rows * tiles);
    return Array.from({ length: rows }, (__, row): Picture => {
      const all = Array.from({ length: tiles }, (___, tile) =>
        data.subarray((row * tiles + tile) * length, (row * tiles + tile + 1) * length),
      );
      // Padding tiles are zero in every value. The layout of the others is not recorded here, and the forward pass does
      // not need it.
      const real = all.filter((pixels) => pixels.some((value) => value !== 0));
      const pixels = new Float32Array(real.length * length);
      for (const [index, each] of real.entries()) pixels.set(each, index * length);
      return { pixels, grid: [real.length - 1, 1] };
    });
  },
  visionPositions: ({ vision }, pictures) => {
    const positions = patchPositions(patchesPerSide(vision));
    return pictures.flatMap(({ grid: [rows, columns] }) =>
      Array.from({ length: rows * columns + 1 }, () => positions).flat(),
    );
  },
  newTokens: [
    { text: IMAGE, field: 'image_token_id' },
    { text: AROUND, field: null },
    { text: WHOLE, field: null },
    { text: '\n', field: null },
    { text: '\n\n', field: null },
    ...[1, 2, 3, 4].flatMap((row) =>
      [1, 2, 3, 4].map((column) => ({ text: `<row_${row}_col_${column}>`, field: null })),
    ),
  ],

  alwaysBegins: false,
  imageMark: IMAGE,
  imageWords(config, [rows, columns]) {
    const lines = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (__, column) => `${AROUND}<row_${row + 1}_col_${column + 1}>${IMAGE}`).join(''),
    );
    const tiles = rows === 0 ? '' : `${lines.join('\n')}\n\n`;
    return { text: `${tiles}${AROUND}${WHOLE}${IMAGE}${AROUND}`, tokensEach: tokensPerTile(config) };
  },
  imageTokens: (config, grid) => tileCount(config, grid) * tokensPerTile(config),
  pictureParts: tileCount,
  pictureValues: (config, grid) => tileCount(config, grid) * 3 * config.vision.imageSize ** 2,
  tokensOfParts: (config, parts) => parts * tokensPerTile(config),

  imageFeatures,
};

function visionShapes({ vision, text, shuffle }: SmolVlmConfig): Entry[] {
  const { hiddenSize, intermediateSize, layers, patchSize } = vision;
  return [
    ['vision_tower.embeddings.patch_embedding.weight', [hiddenSize, 3, patchSize, patchSize]],
    ['vision_tower.embeddings.patch_embedding.bias', [hiddenSize]],
    ['vision_tower.embeddings.position_embedding.weight', [patchesPerSide(vision) ** 2, hiddenSize]],
    ...Array.from({ length: layers }, (_, index) => encoderBlockShapes(hiddenSize, intermediateSize, index)).flat(),
    ...norm('vision_tower.post_layernorm', hiddenSize),
    ...linear('multi_modal_projector.modality_projection.proj', text.hiddenSize, shuffle ** 2 * hiddenSize, false),
  ];
}
