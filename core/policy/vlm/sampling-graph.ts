/** The graph that answers prompts: one pass over the prompts, then a loop over tokens with cached keys and values. */
import { GraphBuilder } from '../../graph/builder.ts';
import {
  add,
  and,
  cast,
  div,
  equal,
  greater,
  greaterOrEqual,
  less,
  mul,
  or,
  sub,
  where,
} from '../../graph/ops/elementwise.ts';
import { matMul } from '../../graph/ops/linear-algebra.ts';
import { loop } from '../../graph/ops/loop.ts';
import { concat, gatherRows, reshape, slice, splitAt, transpose, zeros } from '../../graph/ops/movement.ts';
import { softmax, tokenLogprob } from '../../graph/ops/neural.ts';
import { argMax, cumulativeSum, reduceSum } from '../../graph/ops/reduction.ts';
import type { Program, Value } from '../../graph/program.ts';
import { type TensorType, UNKNOWN } from '../../graph/tensor.ts';
import { imageTokens } from '../vlm-config.ts';
import { causalAttention, causalBlocks, HIDDEN_SCORE } from './causal-attention.ts';
import { Decoder } from './decoder.ts';
import { type GraphModel, GraphParameters } from './parameters.ts';
import { attentionBias, valueHead } from './training-graph.ts';
import { imageFeatures } from './vision.ts';

/** Which tokens each row has had, bool [rows, vocabulary]; absent where nobody asks. */
type Seen = { seen?: Value };

/** Static shape of a sampled group. */
export type SampleShape = {
  /** Answers. */
  rows: number;
  /** Rows in a row that answer the same prompt, which is then read once; divides `rows`. */
  rowsPerPrompt: number;
  promptTokens: number;
  padded: boolean;
  maxNewTokens: number;
  greedy: boolean;
  /** Whether tokens that were there before are more or less likely than others: a repetition penalty other than 1. */
  penalized: boolean;
};

/**
 * Turns after which a growing tail joins the long one, of `turns` in all: where copying both costs least. Short
 * responses are not worth a second loop.
 */
function turnsBetweenJoins(turns: number): number {
  return turns < 48 ? turns : Math.ceil(Math.sqrt(turns));
}

/**
 * Outputs `later_ids` int64 [turns, rows] and `later_logprobs` [turns, rows] (behind a row's end: pad id and 0), and
 * `values` [rows]. The first token stands in
 * `first_id` [rows] and `first_logprob` [rows].
 */
export function samplingProgram(model: GraphModel, shape: SampleShape): Program {
  const { rows, rowsPerPrompt, promptTokens, maxNewTokens, greedy, penalized } = shape;
  const prompts = rows / rowsPerPrompt;
  const { config } = model.checkpoint;
  const { text, vision } = config;
  const g = new GraphBuilder();
  const parameters = new GraphParameters(g, model);
  const pixels = g.input('pixels', 'float32', [prompts, 3, vision.imageSize, vision.imageSize]);
  const ids = g.input('ids', 'int64', [prompts * promptTokens]);
  const imagePositions = g.input('image_positions', 'int64', [prompts * imageTokens(config)]);
  const positions = g.input('positions', 'int64', [prompts, promptTokens]);
  const noise = g.input('noise', 'float32', [maxNewTokens, rows]);
  const seenBefore: Seen = penalized ? { seen: g.input('seen', 'bool', [rows, text.vocabSize]) } : {};
  const temperature = g.input('temperature', 'float32', []);
  const penalty = g.input('penalty', 'float32', []);
  const decoder = new Decoder(g, text, parameters, promptTokens + maxNewTokens);
  const bias = attentionBias(
    g,
    { rows: prompts, promptTokens, responseTokens: 1, padded: shape.padded },
    text.slidingWindow,
  );
  const [allBlocks, lastBlocks] = [causalBlocks(g, bias), causalBlocks(g, bias, promptTokens - 1)];
  const group = text.heads / text.keyValueHeads;

  let x = decoder.embed(ids, { features: imageFeatures(g, parameters, config, pixels), positions: imagePositions });
  const prompt: { keys: Value; values: Value }[] = [];
  for (let layer = 0; layer < text.layers; layer++) {
    const normed = decoder.norm(`layers.${layer}.input_layernorm`, x);
    const cached = decoder.keysAndValues(layer, normed, positions);
    prompt.push(cached);
    const last = layer === text.layers - 1;
    const end = (matrix: Value) =>
      reshape(g, slice(g, reshape(g, matrix, [prompts, promptTokens, text.hiddenSize]), 1, promptTokens - 1), [
        prompts,
        text.hiddenSize,
      ]);
    const queries = decoder.queries(
      layer,
      last ? end(normed) : normed,
      last ? slice(g, positions, 1, promptTokens - 1) : positions,
    );
    const mixed = causalAttention(g, queries, cached.keys, cached.values, {
      group,
      blocks: last ? lastBlocks : allBlocks,
    });
    x = decoder.finishLayer(layer, mixed, last ? end(x) : x);
  }
  const hidden = decoder.norm('norm', x);
  const vocabulary = g.ints(
    Array.from({ length: text.vocabSize }, (_, id) => id),
    [1, text.vocabSize],
  );

  /** The next token of each row; rows that have ended give the pad id and log-prob 0. */
  const choose = (b: GraphBuilder, logits: Value, { seen }: Seen, ended: Value | null, uniform: Value) => {
    // CTRL's penalty (Keskar et al. 2019): positive logits shrink, negative ones grow.
    const offered =
      seen !== undefined
        ? where(
            b,
            seen,
            where(b, greater(b, logits, b.scalar(0)), div(b, logits, penalty), mul(b, logits, penalty)),
            logits,
          )
        : logits;
    let id: Value;
    if (greedy) id = argMax(b, offered);
    else {
      // Inverse-CDF sampling: the first token whose cumulative probability reaches the uniform number.
      const cumulative = cumulativeSum(b, softmax(b, div(b, offered, temperature)));
      const total = slice(b, cumulative, 1, text.vocabSize - 1);
      const reached = greaterOrEqual(b, cumulative, mul(b, reshape(b, uniform, [rows, 1]), total));
      id = argMax(b, cast(b, reached, 'float32'));
    }
    const { picked } = tokenLogprob(b, greedy ? logits : div(b, logits, temperature), id);
    const visibleId = ended === null ? id : where(b, ended, b.ints([text.padTokenId], []), id);
    const logprob = ended === null ? picked : where(b, ended, b.scalar(0), picked);
    const isEnd = text.eosTokenIds
      .map((end) => equal(b, visibleId, b.ints([end], [])))
      .reduce((one, other) => or(b, one, other));
    const states = { id: visibleId, ended: ended === null ? isEnd : or(b, ended, isEnd) };
    return {
      logprob,
      states:
        seen === undefined
          ? states
          : { ...states, seen: or(b, seen, equal(b, reshape(b, visibleId, [rows, 1]), vocabulary)) },
    };
  };
  const someGoesOn = (b: GraphBuilder, ended: Value) =>
    less(b, reduceSum(b, cast(b, ended, 'float32'), [0]), b.scalar(rows));

  /** One row for each answer to a prompt. */
  const forEachRow = (matrix: Value) =>
    rowsPerPrompt === 1
      ? matrix
      : gatherRows(g, matrix, g.ints(Array.from({ length: rows }, (_, row) => Math.floor(row / rowsPerPrompt))));
  const first = choose(
    g,
    forEachRow(decoder.logits(hidden)),
    seenBefore,
    null,
    reshape(g, slice(g, noise, 0, 0, 1), [rows]),
  );
  const lastPosition = add(
    g,
    slice(g, positions, 1, promptTokens - 1),
    g.ints(new Array(rowsPerPrompt).fill(0), [1, rowsPerPrompt]),
  );
  // Where a sliding window leaves the prompt before the last turn.
  const window =
    text.slidingWindow !== null && promptTokens + maxNewTokens > text.slidingWindow ? text.slidingWindow : null;
  const distances =
    window === null
      ? null
      : g.ints(
          Array.from({ length: promptTokens }, (_, index) => promptTokens - index),
          [1, 1, 1, promptTokens],
        );
  const padding = shape.padded ? reshape(g, slice(g, bias, 2, promptTokens - 1), [prompts, 1, 1, promptTokens]) : null;
  const tailType: TensorType = {
    dtype: model.precision,
    shape: [prompts, text.keyValueHeads * rowsPerPrompt, UNKNOWN, text.headDim],
  };
  const tails = prompt.flatMap((_, layer) => [`keys_${layer}`, `values_${layer}`]);
  const empty = zeros(g, tailType.shape.with(2, 0), model.precision);

  /** One token of each row: what stands last behind the prompt, `older` tails and those that grow. */
  const turnOf = (
    b: GraphBuilder,
    turn: Value,
    states: Record<string, Value>,
    older: { tails: Record<string, Value>; tokens: Value } | null,
  ) => {
    const step = new Decoder(b, text, parameters.within(b), 0, { outside: decoder, rows });
    const at = add(b, lastPosition, add(b, turn, b.ints([1], [])));
    const grown: Record<string, Value> = {};
    const outside =
      distances === null
        ? null
        : where(b, less(b, add(b, distances, turn), b.ints([window!], [])), b.scalar(0), b.scalar(HIDDEN_SCORE));
    const inWindow = (tail: Value) => (window === null ? tail : slice(b, tail, 2, -window));
    const grow = (name: string, newest: Value) =>
      (grown[name] = inWindow(concat(b, [states[name], reshape(b, newest, tailType.shape.with(2, 1))], 2)));
    // Rows of one prompt stand side by side like tokens of one row: their queries meet the prompt's keys in one
    // product.
    const { keyValueHeads } = text;
    const swapped = (x: Value, outer: number, inner: number) =>
      outer === 1 || inner === 1
        ? x
        : transpose(b, reshape(b, x, [prompts, keyValueHeads, outer, inner, x.shape[3]]), [0, 1, 3, 2, 4]);
    const byRow = (x: Value) =>
      reshape(b, swapped(x, group, rowsPerPrompt), [prompts, keyValueHeads * rowsPerPrompt, group, x.shape[3]]);
    const byPrompt = (x: Value) =>
      reshape(b, swapped(x, rowsPerPrompt, group), [prompts, keyValueHeads, group * rowsPerPrompt, x.shape[3]]);
    const lengths =
      older === null
        ? null
        : concat(
            b,
            [b.ints([promptTokens]), reshape(b, older.tokens, [1]), sub(b, add(b, turn, b.ints([1])), older.tokens)],
            0,
          );
    const segments = (x: Value) =>
      lengths === null
        ? [slice(b, x, 3, 0, promptTokens), slice(b, x, 3, promptTokens)]
        : splitAt(b, x, 3, lengths, [promptTokens, UNKNOWN, UNKNOWN]);
    let y = step.embed(states.id);
    for (const [layer, cached] of prompt.entries()) {
      const normed = step.norm(`layers.${layer}.input_layernorm`, y);
      const { queries, ...own } = step.queriesKeysAndValues(layer, normed, at);
      const [keyTails, valueTails] = (['keys', 'values'] as const).map((part) => [
        ...(older === null ? [] : [older.tails[`${part}_${layer}`]]),
        grow(`${part}_${layer}`, own[part]),
      ]);
      // Scores of all segments side by side, one softmax, a product each, added: no segment is copied.
      const scores = (left: Value, segment: Value) => cast(b, matMul(b, left, segment, { transB: true }), 'float32');
      const visible = [padding, outside].reduce<Value>(
        (hidden, hiding) => (hiding === null ? hidden : add(b, hidden, hiding)),
        scores(queries, cached.keys),
      );
      const rowQueries = byRow(queries);
      const probabilities = cast(
        b,
        softmax(b, concat(b, [byRow(visible), ...keyTails.map((tail) => scores(rowQueries, tail))], 3)),
        model.precision,
      );
      const [ofPrompt, ...ofTails] = segments(probabilities);
      const tailsMixed = valueTails
        .map((tail, index) => matMul(b, ofTails[index], tail))
        .reduce((one, other) => add(b, one, other));
      y = step.finishLayer(layer, add(b, matMul(b, byPrompt(ofPrompt), cached.values), byPrompt(tailsMixed)), y);
    }
    const next = choose(
      b,
      step.logits(step.norm('norm', y)),
      states,
      states.ended,
      gatherRows(b, noise, add(b, turn, b.ints([1], []))),
    );
    return { states: { ...next.states, ...grown }, scans: { turn_ids: next.states.id, turn_logprobs: next.logprob } };
  };

  const later = maxNewTokens - 1;
  const span = turnsBetweenJoins(later);
  const start = { ...first.states, ...Object.fromEntries(tails.map((name) => [name, empty])) };
  const grows = Object.fromEntries(tails.map((name) => [name, tailType]));
  const go = someGoesOn(g, first.states.ended);

  /** Tails grow by a copy with one more token every turn. */
  const oneLoop = () => {
    const { scans } = loop(g, { trips: later, go, states: start, grows }, (b, { turn, states }) => {
      const next = turnOf(b, turn, states, null);
      return { ...next, go: someGoesOn(b, next.states.ended) };
    });
    return { ids: scans.turn_ids, logprobs: scans.turn_logprobs };
  };

  /** Short tails grow in an inner loop and join the long ones, which grow in an outer loop: far less is copied. */
  const loopInLoop = () => {
    const answers = {
      ids: { dtype: 'int64', shape: [UNKNOWN, rows] },
      logprobs: { dtype: 'float32', shape: [UNKNOWN, rows] },
    } as const;
    const none = Object.fromEntries(
      Object.entries(answers).map(([name, { dtype }]) => [name, zeros(g, [0, rows], dtype)]),
    );
    return loop(
      g,
      { trips: Math.ceil(later / span), go, states: { ...start, ...none }, grows: { ...grows, ...answers } },
      (outer, { turn: block, states: older }) => {
        const tokens = mul(outer, block, outer.ints([span], []));
        const begin = {
          ...Object.fromEntries(Object.keys(first.states).map((name) => [name, older[name]])),
          ...Object.fromEntries(tails.map((name) => [name, empty])),
        };
        const { states: newest, scans } = loop(
          outer,
          { trips: span, go: someGoesOn(outer, older.ended), states: begin, grows },
          (b, { turn, states }) => {
            const at = add(b, tokens, turn);
            const next = turnOf(b, at, states, { tails: older, tokens });
            return { ...next, go: and(b, someGoesOn(b, next.states.ended), less(b, at, b.ints([later - 1], []))) };
          },
        );
        const joined = Object.fromEntries(tails.map((name) => [name, concat(outer, [older[name], newest[name]], 2)]));
        const all = {
          ids: concat(outer, [older.ids, scans.turn_ids], 0),
          logprobs: concat(outer, [older.logprobs, scans.turn_logprobs], 0),
        };
        return { go: someGoesOn(outer, newest.ended), states: { ...newest, ...joined, ...all }, scans: {} };
      },
    ).states;
  };
  const answers = window !== null || span >= later ? oneLoop() : loopInLoop();
  g.output('first_id', first.states.id);
  g.output('first_logprob', first.logprob);
  g.output('later_ids', answers.ids);
  g.output('later_logprobs', answers.logprobs);
  g.output('values', forEachRow(valueHead(g, parameters, hidden)));
  return g.finish();
}
