/**
 * Blocks of the towers of CLIP and SigLIP: LayerNorm first, full attention between patches, biases everywhere.
 */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { cast, gelu, geluTanh, quickGelu } from '../../../graph/ops/elementwise.ts';
import { biasGeluTanh, multiHeadAttention } from '../../../graph/ops/fused.ts';
import { gemm } from '../../../graph/ops/linear-algebra.ts';
import { concat, reshape, slice, transpose } from '../../../graph/ops/movement.ts';
import { attention, layerNorm } from '../../../graph/ops/neural.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import { type Entry, linear, norm } from './parameter-shapes.ts';

const ACTIVATIONS = { quick_gelu: quickGelu, gelu, gelu_pytorch_tanh: geluTanh } as const;
export type Activation = keyof typeof ACTIVATIONS;

export type EncoderConfig = {
  hiddenSize: number;
  heads: number;
  layerNormEps: number;
  activation: Activation;
};

/** In float32 for half-width inputs too. */
export function activate(g: GraphBuilder, name: Activation, x: Value): Value {
  return cast(g, ACTIVATIONS[name](g, cast(g, x, 'float32')), x.dtype);
}

/** In float32 for half-width inputs too. */
export function layerNormed(
  g: GraphBuilder,
  parameters: GraphParameters,
  name: string,
  x: Value,
  epsilon: number,
): Value {
  const [scale, shift] = [parameters.get(`${name}.weight`), parameters.get(`${name}.bias`)];
  return cast(g, layerNorm(g, cast(g, x, 'float32'), scale, shift, epsilon), x.dtype);
}

/**
 * A tower with at least so many tokens a picture counts as large. Smaller ones gain nothing, and their earlier runs
 * keep their bytes.
 */
const LARGE = 256;
/** The largest number of parts into which the pictures of a large tower are split: more would only add nodes. */
const MOST_PARTS = 16;

/**
 * The output of `encode` for pictures [images, ...], concatenated along rows. A large frozen tower on the CPU is
 * computed part by part, because the activations of one picture fit in the cache. `encode` is told whether kernels may
 * be fused.
 */
export function encodeInParts(
  g: GraphBuilder,
  parameters: GraphParameters,
  tokens: number,
  pixels: Value,
  encode: (pixels: Value, fused: boolean) => Value,
): Value {
  if (tokens < LARGE || !parameters.areFloat32OnCpu || !parameters.isFrozen('vision_tower.'))
    return encode(pixels, false);
  const [images] = pixels.shape;
  const size = Math.ceil(images / MOST_PARTS);
  const parts = Array.from({ length: Math.ceil(images / size) }, (_, part) =>
    encode(slice(g, pixels, 0, part * size, Math.min(images, (part + 1) * size)), true),
  );
  return concat(g, parts, 0);
}

/** Block `index` on [images, tokens, hidden]. `fused`: nothing in it is trained. */
export function encoderBlock(
  g: GraphBuilder,
  parameters: GraphParameters,
  config: EncoderConfig,
  index: number,
  entering: Value,
  fused = false,
): Value {
  const at = `vision_tower.encoder.layers.${index}`;
  const [images, tokens] = entering.shape;
  const { hiddenSize, activation, layerNormEps } = config;
  const normed = (name: string, x: Value) => layerNormed(g, parameters, `${at}.${name}`, x, layerNormEps);
  const rows = reshape(g, entering, [images * tokens, hiddenSize]);
  const attended = selfAttention(
    g,
    parameters,
    config,
    `${at}.self_attn`,
    normed('layer_norm1', rows),
    rows,
    images,
    tokens,
    fused,
  );
  const entered = normed('layer_norm2', attended);
  const inner =
    fused && activation === 'gelu_pytorch_tanh'
      ? biasGeluTanh(g, weighted(g, parameters, `${at}.mlp.fc1`, entered), parameters.get(`${at}.mlp.fc1.bias`))
      : activate(g, activation, parameters.linear(`${at}.mlp.fc1`, entered));
  return reshape(g, parameters.linear(`${at}.mlp.fc2`, inner, { added: attended }), [images, tokens, hiddenSize]);
}

/** x W^T without the bias. */
function weighted(g: GraphBuilder, parameters: GraphParameters, name: string, x: Value): Value {
  return gemm(g, x, parameters.get(`${name}.weight`), { transB: true });
}

function selfAttention(
  g: GraphBuilder,
  parameters: GraphParameters,
  { hiddenSize, heads }: EncoderConfig,
  at: string,
  x: Value,
  residual: Value,
  images: number,
  tokens: number,
  fused: boolean,
): Value {
  const width = hiddenSize / heads;
  const scale = 1 / Math.sqrt(width);
  const output = (mixed: Value) =>
    parameters.linear(`${at}.out_proj`, reshape(g, mixed, [images * tokens, hiddenSize]), { added: residual });
  if (fused) {
    const names = ['q_proj', 'k_proj', 'v_proj'].map((name) => `${at}.${name}`);
    const biases = names.map((name) => parameters.get(`${name}.bias`));
    const inputs = names.map((name) => reshape(g, weighted(g, parameters, name, x), [images, tokens, hiddenSize]));
    return output(multiHeadAttention(g, inputs, concat(g, biases, 0), { heads, scale }));
  }
  const split = (name: string) =>
    transpose(g, reshape(g, parameters.linear(`${at}.${name}`, x), [images, tokens, heads, width]), [0, 2, 1, 3]);
  const mixed = attention(g, split('q_proj'), split('k_proj'), split('v_proj'), { scale, group: 1 });
  return output(transpose(g, mixed, [0, 2, 1, 3]));
}

/** Names and shapes of a block's parameters. */
export function encoderBlockShapes(hiddenSize: number, intermediateSize: number, index: number): Entry[] {
  const at = `vision_tower.encoder.layers.${index}`;
  return [
    ...norm(`${at}.layer_norm1`, hiddenSize),
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) =>
      linear(`${at}.self_attn.${name}`, hiddenSize, hiddenSize, true),
    ),
    ...norm(`${at}.layer_norm2`, hiddenSize),
    ...linear(`${at}.mlp.fc1`, intermediateSize, hiddenSize, true),
    ...linear(`${at}.mlp.fc2`, hiddenSize, intermediateSize, true),
  ];
}

/**
 * Patches of pixels [images, 3, side, side] by a strided convolution, written as a matrix product: [images, patches,
 * hidden]. Pixels at the right and the bottom that do not fill a patch are dropped.
 */
export function patchEmbeddings(
  g: GraphBuilder,
  parameters: GraphParameters,
  { hiddenSize, patchSize }: { hiddenSize: number; patchSize: number },
  pixels: Value,
): Value {
  const [images, , height] = pixels.shape;
  const side = Math.floor(height / patchSize);
  const whole = [2, 3].reduce((x, axis) => slice(g, x, axis, 0, side * patchSize), pixels);
  const tiles = transpose(g, reshape(g, whole, [images, 3, side, patchSize, side, patchSize]), [0, 2, 4, 1, 3, 5]);
  const patches = reshape(g, cast(g, tiles, parameters.precision), [images * side * side, 3 * patchSize * patchSize]);
  const kernel = reshape(g, parameters.get('vision_tower.embeddings.patch_embedding.weight', patches.dtype), [
    hiddenSize,
    3 * patchSize * patchSize,
  ]);
  const bias = parameters.has('vision_tower.embeddings.patch_embedding.bias')
    ? parameters.get('vision_tower.embeddings.patch_embedding.bias', patches.dtype)
    : undefined;
  return reshape(g, gemm(g, patches, kernel, { transB: true, added: bias }), [images, side * side, hiddenSize]);
}
