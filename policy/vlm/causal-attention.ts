/** Causal attention in blocks of queries: each block looks at the keys up to its end only, so that nearly half of the scores are never made. */
import type { GraphBuilder } from '../../graph/builder.ts';
import { concat, reshape, slice, split } from '../../graph/ops/movement.ts';
import { attention } from '../../graph/ops/neural.ts';
import type { Value } from '../../graph/program.ts';

/** Queries of a block, about: fewer mean fewer scores, but more nodes and more copies of keys and values. */
const BLOCK = 48;

/** Which queries look at which keys: sizes of the blocks of queries, the keys that each block sees beyond the one before it, and its bias. */
export type CausalBlocks = { queries: readonly number[]; keys: readonly number[]; bias: readonly Value[] };

/** Blocks for the queries of positions `from` on; `bias` [1 or rows, 1, 1, tokens, tokens] is that of all positions. */
export function causalBlocks(g: GraphBuilder, bias: Value, from = 0): CausalBlocks {
  const tokens = bias.shape[4];
  const asked = tokens - from;
  const count = Math.max(1, Math.round(asked / BLOCK));
  const ends = Array.from({ length: count }, (_, block) => from + Math.round(((block + 1) * asked) / count));
  const starts = [from, ...ends.slice(0, -1)];
  return {
    queries: ends.map((end, block) => end - starts[block]),
    keys: ends.map((end, block) => (block === 0 ? end : end - starts[block])),
    bias: ends.map((end, block) => slice(g, slice(g, bias, 3, starts[block], end), 4, 0, end)),
  };
}

/** `attention` of scaled queries [rows, kv, group * asked, width] on keys and values [rows, kv, tokens, width]. */
export function causalAttention(g: GraphBuilder, q: Value, k: Value, v: Value, { group, blocks }: { group: number; blocks: CausalBlocks }): Value {
  const [rows, heads, , width] = q.shape;
  const queries = split(g, reshape(g, q, [rows, heads, group, q.shape[2] / group, width]), 3, blocks.queries);
  const [keys, values] = [k, v].map((whole) => split(g, whole, 2, blocks.keys));
  const mixed = queries.map((part, block) => {
    const seen = (parts: readonly Value[], whole: Value) => (block === queries.length - 1 ? whole : concat(g, parts.slice(0, block + 1), 2));
    const asked = blocks.queries[block];
    const result = attention(g, reshape(g, part, [rows, heads, group * asked, width]), seen(keys, k), seen(values, v), { scale: 1, group, bias: blocks.bias[block] });
    return reshape(g, result, [rows, heads, group, asked, width]);
  });
  return reshape(g, concat(g, mixed, 3), q.shape);
}
