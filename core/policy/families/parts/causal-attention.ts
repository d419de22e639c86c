/**
 * Causal attention in blocks of queries: each block attends only to the keys up to its end, so nearly half of the
 * scores are never computed.
 */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { cast, greater } from '../../../graph/ops/elementwise.ts';
import { concat, reshape, slice, split } from '../../../graph/ops/movement.ts';
import { attention } from '../../../graph/ops/neural.ts';
import type { Value } from '../../../graph/program.ts';

/** Bias of a hidden score; finite, so that a row without any visible position stays finite. */
export const HIDDEN_SCORE = -1e9;

/**
 * Approximate queries per block: smaller blocks compute fewer scores, but take more nodes and more copies of keys and
 * values.
 */
const BLOCK = 48;

/**
 * Which queries attend to which keys: the sizes of the blocks of queries, the keys that each block sees in addition to
 * the block before, and what is hidden from it.
 */
export type CausalBlocks = {
  queries: readonly number[];
  keys: readonly number[];
  hiding: readonly { bias: Value; visible: Value }[];
};

/** Blocks for the queries of positions `from` on; `bias` [1 or rows, 1, tokens, tokens] covers all positions. */
export function causalBlocks(g: GraphBuilder, bias: Value, from = 0): CausalBlocks {
  const tokens = bias.shape[3];
  const asked = tokens - from;
  const count = Math.max(1, Math.round(asked / BLOCK));
  const ends = Array.from({ length: count }, (_, block) => from + Math.round(((block + 1) * asked) / count));
  const starts = [from, ...ends.slice(0, -1)];
  return {
    queries: ends.map((end, block) => end - starts[block]),
    keys: ends.map((end, block) => (block === 0 ? end : end - starts[block])),
    hiding: ends.map((end, block) => {
      const ofBlock = slice(g, slice(g, bias, 2, starts[block], end), 3, 0, end);
      return { bias: ofBlock, visible: cast(g, greater(g, ofBlock, g.scalar(HIDDEN_SCORE / 2)), 'float32') };
    }),
  };
}

/** `attention` of scaled queries [rows, kv, group * asked, width] on keys and values [rows, kv, tokens, width]. */
export function causalAttention(
  g: GraphBuilder,
  q: Value,
  k: Value,
  v: Value,
  { group, blocks }: { group: number; blocks: CausalBlocks },
): Value {
  const [rows, heads, , width] = q.shape;
  const queries = split(g, reshape(g, q, [rows, heads * group, q.shape[2] / group, width]), 2, blocks.queries);
  const [keys, values] = [k, v].map((whole) => split(g, whole, 2, blocks.keys));
  const mixed = queries.map((part, block) => {
    const seen = (parts: readonly Value[], whole: Value) =>
      block === queries.length - 1 ? whole : concat(g, parts.slice(0, block + 1), 2);
    const asked = blocks.queries[block];
    const result = attention(g, reshape(g, part, [rows, heads, group * asked, width]), seen(keys, k), seen(values, v), {
      scale: 1,
      group,
      hiding: blocks.hiding[block],
    });
    return reshape(g, result, [rows, heads * group, asked, width]);
  });
  return reshape(g, concat(g, mixed, 2), q.shape);
}
