/** The CLIP or SigLIP vision tower and the projector: pixels to image features in the decoder's space. */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { add } from '../../../graph/ops/elementwise.ts';
import { concat, expand, reshape, slice } from '../../../graph/ops/movement.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { InLayer } from '../model-family.ts';
import { activate, encoderBlock, layerNormed, patchEmbeddings } from '../parts/vision-encoder.ts';
import type { LlavaConfig, VisionConfig } from './llava-config.ts';
import { usedVisionLayers } from './parameter-shapes.ts';

/** From the input `pixels` [images, 3, size, size]: features [images * tokens, hidden] in the model's precision. */
export function imageFeatures(
  g: GraphBuilder,
  parameters: GraphParameters,
  config: LlavaConfig,
  images: number,
  inLayer: InLayer,
): Value {
  const { vision, featureLayers, featureSelect } = config;
  const pixels = g.input('pixels', 'float32', [images, 3, vision.imageSize, vision.imageSize]);
  const states = hiddenStates(g, parameters, vision, usedVisionLayers(config), pixels, inLayer);
  const chosen = featureLayers.map((layer) => states[layer < 0 ? vision.layers + 1 + layer : layer]);
  const joined = concat(g, chosen, 2);
  const selected = featureSelect === 'full' ? joined : slice(g, joined, 1, 1);
  const [, tokens, width] = selected.shape;
  const rows = reshape(g, selected, [images * tokens, width]);
  return parameters.linear(
    'multi_modal_projector.linear_2',
    activate(g, config.projectorActivation, parameters.linear('multi_modal_projector.linear_1', rows)),
  );
}

/** Output of the embeddings and of each layer, [images, tokens, hidden] each. */
function hiddenStates(
  g: GraphBuilder,
  parameters: GraphParameters,
  vision: VisionConfig,
  layers: number,
  pixels: Value,
  inLayer: InLayer,
): Value[] {
  const embedded = embeddings(g, parameters, vision, pixels);
  let x =
    vision.modelType === 'clip'
      ? layerNormed(g, parameters, 'vision_tower.pre_layrnorm', embedded, vision.layerNormEps)
      : embedded;
  const states = [x];
  for (let index = 0; index < layers; index++) {
    const entering = x;
    x = inLayer(() => encoderBlock(g, parameters, vision, index, entering));
    states.push(x);
  }
  return states;
}

/** CLIP's class token first, then the patches; learned positions. */
function embeddings(g: GraphBuilder, parameters: GraphParameters, vision: VisionConfig, pixels: Value): Value {
  const { hiddenSize } = vision;
  const [images] = pixels.shape;
  const embedded = patchEmbeddings(g, parameters, vision, pixels);
  const positions = parameters.get('vision_tower.embeddings.position_embedding.weight', embedded.dtype);
  if (vision.modelType === 'siglip') return add(g, embedded, positions);
  const classToken = expand(
    g,
    reshape(g, parameters.get('vision_tower.embeddings.class_embedding', embedded.dtype), [1, 1, hiddenSize]),
    [images, 1, hiddenSize],
  );
  return add(g, concat(g, [classToken, embedded], 1), positions);
}
