/** The CLIP vision tower and the projector: pixels to image features in the decoder's space. */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { add, cast, gelu, geluTanh, quickGelu } from '../../../graph/ops/elementwise.ts';
import { gemm } from '../../../graph/ops/linear-algebra.ts';
import { concat, expand, reshape, slice, transpose } from '../../../graph/ops/movement.ts';
import { attention, layerNorm } from '../../../graph/ops/neural.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { InLayer } from '../model-family.ts';
import type { LlavaConfig, VisionConfig } from './llava-config.ts';
import { usedVisionLayers } from './parameter-shapes.ts';

const ACTIVATIONS = { quick_gelu: quickGelu, gelu, gelu_pytorch_tanh: geluTanh } as const;

/** Of the input `pixels` [images, 3, size, size]: features [images * tokens, hidden] in the model's precision. */
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

function activate(g: GraphBuilder, name: keyof typeof ACTIVATIONS, x: Value): Value {
  return cast(g, ACTIVATIONS[name](g, cast(g, x, 'float32')), x.dtype);
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
  const { hiddenSize, layerNormEps } = vision;
  let x = embeddings(g, parameters, vision, pixels);
  const [images, tokens] = x.shape;
  const normed = (name: string, value: Value) =>
    cast(
      g,
      layerNorm(
        g,
        cast(g, value, 'float32'),
        parameters.get(`${name}.weight`),
        parameters.get(`${name}.bias`),
        layerNormEps,
      ),
      value.dtype,
    );
  x = normed('vision_tower.pre_layrnorm', x);
  const states = [x];
  const layer = (index: number, entering: Value): Value => {
    const at = `vision_tower.encoder.layers.${index}`;
    const rows = reshape(g, entering, [images * tokens, hiddenSize]);
    const attended = selfAttention(
      g,
      parameters,
      vision,
      `${at}.self_attn`,
      normed(`${at}.layer_norm1`, rows),
      rows,
      images,
      tokens,
    );
    const inner = activate(
      g,
      vision.activation,
      parameters.linear(`${at}.mlp.fc1`, normed(`${at}.layer_norm2`, attended)),
    );
    return reshape(g, parameters.linear(`${at}.mlp.fc2`, inner, { added: attended }), [images, tokens, hiddenSize]);
  };
  for (let index = 0; index < layers; index++) {
    x = inLayer(() => layer(index, x));
    states.push(x);
  }
  return states;
}

/** Patches by a strided convolution, written as a matrix product; class token first; learned positions. */
function embeddings(
  g: GraphBuilder,
  parameters: GraphParameters,
  { hiddenSize, imageSize, patchSize }: VisionConfig,
  pixels: Value,
): Value {
  const images = pixels.shape[0];
  const side = Math.floor(imageSize / patchSize);
  const whole = slice(g, slice(g, pixels, 2, 0, side * patchSize), 3, 0, side * patchSize);
  const tiles = transpose(g, reshape(g, whole, [images, 3, side, patchSize, side, patchSize]), [0, 2, 4, 1, 3, 5]);
  const patches = reshape(g, cast(g, tiles, parameters.precision), [images * side * side, 3 * patchSize * patchSize]);
  const kernel = reshape(g, parameters.get('vision_tower.embeddings.patch_embedding.weight', patches.dtype), [
    hiddenSize,
    3 * patchSize * patchSize,
  ]);
  const embedded = reshape(g, gemm(g, patches, kernel, { transB: true }), [images, side * side, hiddenSize]);
  const classToken = expand(
    g,
    reshape(g, parameters.get('vision_tower.embeddings.class_embedding', patches.dtype), [1, 1, hiddenSize]),
    [images, 1, hiddenSize],
  );
  return add(
    g,
    concat(g, [classToken, embedded], 1),
    parameters.get('vision_tower.embeddings.position_embedding.weight', patches.dtype),
  );
}

function selfAttention(
  g: GraphBuilder,
  parameters: GraphParameters,
  { hiddenSize, heads }: VisionConfig,
  at: string,
  x: Value,
  residual: Value,
  images: number,
  tokens: number,
): Value {
  const width = hiddenSize / heads;
  const split = (name: string) =>
    transpose(g, reshape(g, parameters.linear(`${at}.${name}`, x), [images, tokens, heads, width]), [0, 2, 1, 3]);
  const mixed = attention(g, split('q_proj'), split('k_proj'), split('v_proj'), {
    scale: 1 / Math.sqrt(width),
    group: 1,
  });
  return parameters.linear(
    `${at}.out_proj`,
    reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [images * tokens, hiddenSize]),
    { added: residual },
  );
}
