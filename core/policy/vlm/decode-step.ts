/** One decoding step: the newest token of each row through the decoder, over keys and values that are kept. */
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

/** What all decoding steps share, made outside of the loop. */
export type DecodeContext = {
  decoder: Decoder;
  parameters: GraphParameters;
  choice: TokenChoice;
  rows: number;
  rowsPerPrompt: number;
  promptTokens: number;
  /** Of each layer, of the prompts. */
  prompt: readonly { keys: Value; values: Value }[];
  /** Where the first generated token stands, int64 [prompts, rowsPerPrompt]. */
  firstPosition: Value;
  /** What hides padding in front of prompts, [prompts, 1, 1, promptTokens]; null without. */
  padding: Value | null;
  /** Tokens that a token sees, where a sliding window leaves the prompt before the last step. */
  window: number | null;
  /** Uniform numbers [steps + 1, rows]. */
  noise: Value;
};

/** Names of the tails in a loop's states: keys and values of each layer behind the prompt. */
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

/** One token of each row: what stands last behind the prompt, `older` tails and those that grow. */
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
  // Rows of one prompt stand side by side like tokens of one row: their queries meet the prompt's keys in one product.
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
    // Scores of all segments side by side, one softmax, a product each, added: no segment is copied.
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

/** What hides the tokens of a prompt that a step's sliding window has left. [1, 1, 1, promptTokens] */
function outsideWindow(b: GraphBuilder, step: Value, promptTokens: number, window: number): Value {
  const distances = b.ints(
    Array.from({ length: promptTokens }, (_, index) => promptTokens - index),
    [1, 1, 1, promptTokens],
  );
  return where(b, less(b, add(b, distances, step), b.ints([window], [])), b.scalar(0), b.scalar(HIDDEN_SCORE));
}

/** Cuts probabilities into those of the prompt, of the older tails and of the growing ones. */
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
