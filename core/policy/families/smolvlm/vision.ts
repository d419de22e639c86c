/** The SigLIP tower and the connector of SmolVLM: tiles to image features in the decoder's space. */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { add } from '../../../graph/ops/elementwise.ts';
import { reshape, transpose } from '../../../graph/ops/movement.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { ImageFeatures, InLayer, PictureShape } from '../model-family.ts';
import { encodeInParts, encoderBlock, layerNormed, patchEmbeddings } from '../parts/vision-encoder.ts';
import { patchesPerSide, type SmolVlmConfig, tokensPerTile } from './smolvlm-config.ts';

/** From the input `pixels` [images * tiles, 3, size, size]. Missing tiles are computed but never read. */
export function imageFeatures(
  g: GraphBuilder,
  parameters: GraphParameters,
  config: SmolVlmConfig,
  { images, parts }: PictureShape & { images: number },
  inLayer: InLayer,
): ImageFeatures {
  const { imageSize } = config.vision;
  const pixels = g.input('pixels', 'float32', [images * parts, 3, imageSize, imageSize]);
  const encode = (some: Value, fused: boolean) => squaresOf(g, parameters, config, some, inLayer, fused);
  const squares = encodeInParts(g, parameters, patchesPerSide(config.vision) ** 2, pixels, encode);
  return {
    features: parameters.linear('multi_modal_projector.modality_projection.proj', squares),
    deepstack: [],
  };
}

/** Squares of patches side by side, as the connector takes them: [tiles * tokens, shuffle^2 * hidden]. */
function squaresOf(
  g: GraphBuilder,
  parameters: GraphParameters,
  config: SmolVlmConfig,
  pixels: Value,
  inLayer: InLayer,
  fused: boolean,
): Value {
  const { vision, shuffle } = config;
  const [tiles] = pixels.shape;
  const side = patchesPerSide(vision);
  const embedded = patchEmbeddings(g, parameters, vision, pixels);
  const places = g.ints(patchPositions(side));
  let x = add(g, embedded, parameters.rows('vision_tower.embeddings.position_embedding.weight', places));
  for (let index = 0; index < vision.layers; index++) {
    const entering = x;
    x = inLayer(() => encoderBlock(g, parameters, vision, index, entering, fused));
  }
  const normed = layerNormed(g, parameters, 'vision_tower.post_layernorm', x, vision.layerNormEps);
  // Pixel shuffle: by patch row, patch column, channel.
  const squares = transpose(
    g,
    reshape(g, normed, [tiles, side / shuffle, shuffle, side / shuffle, shuffle, vision.hiddenSize]),
    [0, 1, 3, 2, 4, 5],
  );
  return reshape(g, squares, [tiles * tokensPerTile(config), shuffle ** 2 * vision.hiddenSize]);
}

/** Width of torch's float32 vectors (AVX2), which determines how its `arange` rounds. */
const LANES = 8;

/**
 * Rows of the position table for the patches of a whole tile. They are the patches' own rows, except for a few values
 * of `side` where transformers, which divides and compares in float32, takes the row before. [side^2]
 */
export function patchPositions(side: number): number[] {
  const { fround } = Math;
  const boundaries = float32Range(1 / side, 1);
  const step = fround(1 / side);
  const buckets = Array.from({ length: side }, (_, index) => {
    const share = Math.min(fround(index * step), fround(1 - 1e-6));
    return boundaries.filter((boundary) => boundary <= share).length;
  });
  return buckets.flatMap((row) => buckets.map((column) => row * side + column));
}

/**
 * `torch.arange(step, end, step)`: in whole pairs of vectors a number is counted from the rounded first of its vector.
 */
function float32Range(step: number, end: number): number[] {
  const count = Math.ceil((end - step) / step);
  const inVectors = Math.floor(count / (2 * LANES)) * 2 * LANES;
  return Array.from({ length: count }, (_, index) => {
    const lane = index < inVectors ? index % LANES : 0;
    const first = step + step * (index - lane);
    return Math.fround(lane === 0 ? first : Math.fround(first) + lane * step);
  });
}
