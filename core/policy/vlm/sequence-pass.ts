/** One pass over whole sequences: picture features among token embeddings, all layers, causal attention. */
import type { GraphBuilder } from '../../graph/builder.ts';
import { add, max } from '../../graph/ops/elementwise.ts';
import { concat, replaceRows, reshape, slice, zeros } from '../../graph/ops/movement.ts';
import type { Value } from '../../graph/program.ts';
import type { ImageFeatures, InLayer, PictureShape } from '../families/model-family.ts';
import { causalAttention, causalBlocks, HIDDEN_SCORE } from '../families/parts/causal-attention.ts';
import type { Decoder } from '../families/parts/decoder.ts';
import { familyOf } from '../families/registry.ts';
import type { VlmConfig } from '../vlm-config.ts';
import type { GraphParameters } from './parameters.ts';

export type SequencePass = {
  /** Final-norm hidden states of the tokens from `from` on: [rows * kept, hidden]. */
  hidden: Value;
  features: ImageFeatures;
  /** Keys and values of each layer, for the decoding steps that follow: [rows, kv, tokens, headDim]. */
  cached: readonly { keys: Value; values: Value }[];
  /** int64 [axes, rows, tokens] */
  positions: Value;
};

/**
 * Makes the inputs `ids`, `positions`, `image_positions` and those of the family's pictures. `bias` [1 or rows, 1,
 * tokens, tokens] hides the tokens that a token cannot see.
 */
export function readSequence(
  decoder: Decoder,
  parameters: GraphParameters,
  config: VlmConfig,
  {
    rows,
    tokens,
    from,
    picture,
    bias,
  }: { rows: number; tokens: number; from: number; picture: PictureShape; bias: Value },
  inLayer: InLayer = (make) => make(),
): SequencePass {
  const { g } = decoder;
  const { text } = config;
  const family = familyOf(config);
  const ids = g.input('ids', 'int64', [rows * tokens]);
  const imageTokens = family.tokensOfParts(config, picture.parts);
  const imagePositions = g.input('image_positions', 'int64', [rows * imageTokens]);
  const positions = g.input('positions', 'int64', [family.positionAxes, rows, tokens]);
  const rotations = decoder.rotationsOnAxes(positions);
  const features = family.imageFeatures(g, parameters, config, { images: rows, ...picture }, inLayer);
  // After the last attention only the requested tokens matter.
  const [allBlocks, lastBlocks] = [causalBlocks(g, bias), causalBlocks(g, bias, from)];
  const group = text.heads / text.keyValueHeads;
  const tail = (matrix: Value) =>
    reshape(g, slice(g, reshape(g, matrix, [rows, tokens, text.hiddenSize]), 1, from), [
      rows * (tokens - from),
      text.hiddenSize,
    ]);
  const cached: { keys: Value; values: Value }[] = [];
  const hidden = decoder.layers(
    decoder.embed(ids, (embedded) => withRows(g, embedded, imagePositions, picture.padded, features.features)),
    (layer, normed, x) => {
      const last = layer === text.layers - 1;
      const { keys, values } = decoder.keysAndValues(layer, normed, rotations);
      cached.push({ keys, values });
      const queries = decoder.queries(
        layer,
        last ? tail(normed) : normed,
        last ? { ...rotations, at: slice(g, rotations.at, 1, from) } : rotations,
      );
      const mixed = causalAttention(g, queries, keys, values, { group, blocks: last ? lastBlocks : allBlocks });
      return { mixed, residual: last ? tail(x) : x };
    },
    {
      inLayer,
      after: (layer, x) => {
        const feature = features.deepstack[layer];
        if (feature === undefined) return x;
        const none = zeros(g, [rows * tokens, text.hiddenSize], x.dtype);
        const spread = withRows(g, none, imagePositions, picture.padded, feature);
        return add(g, x, layer === text.layers - 1 ? tail(spread) : spread);
      },
    },
  );
  return { hidden, features, cached, positions };
}

/** `table` [n, width] with `rows` in the rotations `at`; missing rows of a padded picture go to index n. */
function withRows(g: GraphBuilder, table: Value, at: Value, padded: boolean, rows: Value): Value {
  if (!padded) return replaceRows(g, table, at, rows);
  const [count, width] = table.shape;
  const longer = concat(g, [table, zeros(g, [1, width], table.dtype)], 0);
  return slice(g, replaceRows(g, longer, at, rows), 0, 0, count);
}

/**
 * Causal scores [1 or rows, 1, tokens, tokens] within a sliding window; with padding each row also hides the tokens
 * before its prompt.
 */
export function attentionBias(
  g: GraphBuilder,
  shape: { rows: number; tokens: number; padded: boolean },
  slidingWindow: number | null,
): Value {
  const { tokens } = shape;
  const hides = (distance: number) => distance < 0 || distance >= (slidingWindow ?? Infinity);
  const causal = g.constant(
    Float32Array.from({ length: tokens * tokens }, (_, index) =>
      hides(Math.floor(index / tokens) - (index % tokens)) ? HIDDEN_SCORE : 0,
    ),
    [1, 1, tokens, tokens],
  );
  if (!shape.padded) return causal;
  return max(g, add(g, causal, g.input('padding', 'float32', [shape.rows, 1, 1, tokens])), g.scalar(HIDDEN_SCORE));
}
