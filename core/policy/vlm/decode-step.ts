/** One decoding step: the newest token of each row through the decoder, with cached keys and values. */
import type { GraphBuilder } from '../../graph/builder.ts';
import { add, cast, less, sub, where } from '../../graph/ops/elementwise.ts';
import { matMul } from '../../graph/ops/linear-algebra.ts';
import { concat, gatherRows, reshape, slice, splitAt, transpose } from '../../graph/ops/movement.ts';
import { softmax } from '../../graph/ops/neural.ts';
import type { Value } from '../../graph/program.ts';
import { type TensorType, UNKNOWN } from '../../graph/tensor.ts';
import { HIDDEN_SCORE } from '../families/parts/causal-attention.ts';
import { Decoder } from '../families/parts/decoder.ts';
import type { TokenChoice, TokenStates } from './choose-token.ts';
import type { GraphParameters } from './parameters.ts';

/** Values that all decoding steps share, computed outside the loop. */
export type DecodeContext = {
  decoder: Decoder;
  parameters: GraphParameters;
  choice: TokenChoice;
  rows: number;
  rowsPerPrompt: number;
  promptTokens: number;
  /** Of each layer, of the prompts. */
  prompt: readonly { keys: Value; values: Value }[];
  /** Position of the first generated token, int64 [prompts, rowsPerPrompt]. */
  firstPosition: Value;
  /** The mask of padding in front of prompts, [prompts, 1, 1, promptTokens]; null without padding. */
  padding: Value | null;
  /** Size of the sliding window, where it leaves the prompt before the last step. */
  window: number | null;
  /** Uniform numbers [steps + 1, rows]. */
  noise: Value;
};

/** Names of the tails in a loop's states: keys and values of each layer after the prompt. */
export function tailNames({ prompt }: Pick<DecodeContext, 'prompt'>): string[] {
  return prompt.flatMap((_, layer) => [`keys_${layer}`, `values_${layer}`]);
}

/** The type of a tail. */
export function tailType({ decoder, rows, rowsPerPrompt, prompt }: DecodeContext): TensorType {
  const { keyValueHeads, headDim } = decoder.config;
  return {
    dtype: prompt[0].keys.dtype,
    shape: [rows / rowsPerPrompt, keyValueHeads * rowsPerPrompt, UNKNOWN, headDim],
  };
}

/** One token of each row: the last one after the prompt, the `older` tails and the growing ones. */
export function decodeStep(
  b: GraphBuilder,
  context: DecodeContext,
  step: Value,
  states: Record<string, Value>,
  older: { tails: Record<string, Value>; tokens: Value } | null,
): { states: Record<string, Value>; scans: Record<string, Value> } {
  const { rows, rowsPerPrompt, promptTokens, prompt, window, choice } = context;
  const { heads, keyValueHeads } = context.decoder.config;
  const prompts = rows / rowsPerPrompt;
  const group = heads / keyValueHeads;
  const decoder = new Decoder(b, context.decoder.config, context.parameters.within(b), 0, {
    outside: context.decoder,
    rows,
  });
  const rotations = decoder.rotations(add(b, context.firstPosition, step));
  const grown: Record<string, Value> = {};
  const grow = (name: string, newest: Value) => {
    const longer = concat(b, [states[name], reshape(b, newest, tailType(context).shape.with(2, 1))], 2);
    return (grown[name] = window === null ? longer : slice(b, longer, 2, -window));
  };
  const hiding = [context.padding, window === null ? null : outsideWindow(b, step, promptTokens, window)];
  // Rows of one prompt are treated like tokens of one row: one product of their queries with the prompt's keys.
  const swapped = (x: Value, outer: number, inner: number) =>
    outer === 1 || inner === 1
      ? x
      : transpose(b, reshape(b, x, [prompts, keyValueHeads, outer, inner, x.shape[3]]), [0, 1, 3, 2, 4]);
  const byRow = (x: Value) =>
    reshape(b, swapped(x, group, rowsPerPrompt), [prompts, keyValueHeads * rowsPerPrompt, group, x.shape[3]]);
  const byPrompt = (x: Value) =>
    reshape(b, swapped(x, rowsPerPrompt, group), [prompts, keyValueHeads, group * rowsPerPrompt, x.shape[3]]);
  const segments = segmentCut(b, step, promptTokens, older?.tokens ?? null);
  const hidden = decoder.layers(decoder.embed(states.id), (layer, normed, x) => {
    const { queries, ...own } = decoder.queriesKeysAndValues(layer, normed, rotations);
    const [keyTails, valueTails] = (['keys', 'values'] as const).map((part) => [
      ...(older === null ? [] : [older.tails[`${part}_${layer}`]]),
      grow(`${part}_${layer}`, own[part]),
    ]);
    // Scores of all segments are concatenated for one softmax; then one product for each segment, added up. No segment
    // is copied.
    const scores = (left: Value, segment: Value) => cast(b, matMul(b, left, segment, { transB: true }), 'float32');
    const visible = hiding.reduce<Value>(
      (seen, hides) => (hides === null ? seen : add(b, seen, hides)),
      scores(queries, prompt[layer].keys),
    );
    const rowQueries = byRow(queries);
    const probabilities = cast(
      b,
      softmax(b, concat(b, [byRow(visible), ...keyTails.map((tail) => scores(rowQueries, tail))], 3)),
      prompt[layer].values.dtype,
    );
    const [ofPrompt, ...ofTails] = segments(probabilities);
    const tailsMixed = valueTails
      .map((tail, index) => matMul(b, ofTails[index], tail))
      .reduce((one, other) => add(b, one, other));
    return {
      mixed: add(b, matMul(b, byPrompt(ofPrompt), prompt[layer].values), byPrompt(tailsMixed)),
      residual: x,
    };
  });
  const carried = states as TokenStates;
  const next = choice.next(
    b,
    decoder.logits(hidden),
    carried,
    carried.ended,
    gatherRows(b, context.noise, add(b, step, b.ints([1], []))),
  );
  return {
    states: { ...(next.states as Record<string, Value>), ...grown },
    scans: { step_ids: next.states.id, step_logprobs: next.logprob },
  };
}

/** The mask of prompt tokens outside a step's sliding window. [1, 1, 1, promptTokens] */
function outsideWindow(b: GraphBuilder, step: Value, promptTokens: number, window: number): Value {
  const distances = b.ints(
    Array.from({ length: promptTokens }, (_, index) => promptTokens - index),
    [1, 1, 1, promptTokens],
  );
  return where(b, less(b, add(b, distances, step), b.ints([window], [])), b.scalar(0), b.scalar(HIDDEN_SCORE));
}

/** Splits probabilities into those of the prompt, the older tails and the growing ones. */
function segmentCut(
  b: GraphBuilder,
  step: Value,
  promptTokens: number,
  olderTokens: Value | null,
): (probabilities: Value) => readonly Value[] {
  if (olderTokens === null) return (x) => [slice(b, x, 3, 0, promptTokens), slice(b, x, 3, promptTokens)];
  const lengths = concat(
    b,
    [b.ints([promptTokens]), reshape(b, olderTokens, [1]), sub(b, add(b, step, b.ints([1])), olderTokens)],
    0,
  );
  return (x) => splitAt(b, x, 3, lengths, [promptTokens, UNKNOWN, UNKNOWN]);
}
