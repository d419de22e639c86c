/** The graph that answers prompts: one pass over the prompts, then a loop over tokens with cached keys and values. */
import { GraphBuilder } from '../../graph/builder.ts';
import { add } from '../../graph/ops/elementwise.ts';
import { gatherRows, reshape, slice } from '../../graph/ops/movement.ts';
import type { Program, Value } from '../../graph/program.ts';
import type { PictureShape } from '../families/model-family.ts';
import { Decoder } from '../families/parts/decoder.ts';
import { TokenChoice } from './choose-token.ts';
import { type GraphModel, GraphParameters } from './parameters.ts';
import { decodeLoop } from './sampling-loops.ts';
import { attentionBias, readSequence } from './sequence-pass.ts';
import { valueHead } from './training-graph.ts';

/** Static shape of a sampled group. */
export type SampleShape = {
  /** Answers. */
  rows: number;
  /** Number of adjacent rows that answer the same prompt, which is then read once; divides `rows`. */
  rowsPerPrompt: number;
  promptTokens: number;
  padded: boolean;
  picture: PictureShape;
  maxNewTokens: number;
  greedy: boolean;
  /** Whether there is a repetition penalty other than 1. */
  penalized: boolean;
};

/**
 * Outputs `later_ids` int64 [steps, rows] and `later_logprobs` [steps, rows] (after a row's end: pad id and 0), and
 * `values` [rows]. The first token is in `first_id` [rows] and `first_logprob` [rows].
 */
export function samplingProgram(model: GraphModel, shape: SampleShape): Program {
  const { rows, rowsPerPrompt, promptTokens, maxNewTokens, greedy, penalized } = shape;
  const prompts = rows / rowsPerPrompt;
  const { config } = model.checkpoint;
  const { text } = config;
  const g = new GraphBuilder();
  const parameters = new GraphParameters(g, model);
  const noise = g.input('noise', 'float32', [maxNewTokens, rows]);
  const seen = penalized ? { seen: g.input('seen', 'bool', [rows, text.vocabSize]) } : {};
  const choice = new TokenChoice(g, text, greedy, model.provider);
  const nextPositions = g.input('next_positions', 'int64', [prompts, 1]);
  const decoder = new Decoder(g, text, parameters, promptTokens + maxNewTokens);
  const bias = attentionBias(g, { rows: prompts, tokens: promptTokens, padded: shape.padded }, text.slidingWindow);
  const { hidden, cached } = readSequence(decoder, parameters, config, {
    rows: prompts,
    tokens: promptTokens,
    from: promptTokens - 1,
    picture: shape.picture,
    bias,
  });

  /** One row for each answer to a prompt. */
  const forEachRow = (matrix: Value) =>
    rowsPerPrompt === 1
      ? matrix
      : gatherRows(g, matrix, g.ints(Array.from({ length: rows }, (_, row) => Math.floor(row / rowsPerPrompt))));
  const first = choice.next(
    g,
    forEachRow(decoder.logits(hidden)),
    seen,
    null,
    reshape(g, slice(g, noise, 0, 0, 1), [rows]),
  );
  const context = {
    decoder,
    parameters,
    choice,
    rows,
    rowsPerPrompt,
    promptTokens,
    prompt: cached,
    firstPosition: add(g, nextPositions, g.ints(new Array(rowsPerPrompt).fill(0), [1, rowsPerPrompt])),
    padding: shape.padded ? reshape(g, slice(g, bias, 2, promptTokens - 1), [prompts, 1, 1, promptTokens]) : null,
    window: text.slidingWindow !== null && promptTokens + maxNewTokens > text.slidingWindow ? text.slidingWindow : null,
    noise,
  };
  // With WebGPU a nested loop crashes the process.
  const later = decodeLoop(g, context, first.states, maxNewTokens - 1, model.provider !== 'webgpu');
  g.output('first_id', first.states.id);
  g.output('first_logprob', first.logprob);
  g.output('later_ids', later.ids);
  g.output('later_logprobs', later.logprobs);
  g.output('values', forEachRow(valueHead(g, parameters, hidden)));
  return g.finish();
}
