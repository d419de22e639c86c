/**
 * The graph of a gradient shard: forward pass over prompt and response, PPO and SFT losses by per-token weights,
 * gradients of all trained parameters.
 */
import { GraphBuilder } from '../../graph/builder.ts';
import { gradients } from '../../graph/gradients.ts';
import { add, cast, div, exp, greater, max, min, mul, neg, relu, sub, where } from '../../graph/ops/elementwise.ts';
import { reshape, slice } from '../../graph/ops/movement.ts';
import { tokenLogprob } from '../../graph/ops/neural.ts';
import { reduceSum } from '../../graph/ops/reduction.ts';
import type { Program, Value } from '../../graph/program.ts';
import type { ImageFeatures, PictureShape } from '../families/model-family.ts';
import { Decoder } from '../families/parts/decoder.ts';
import { LoraDropout } from './lora-dropout.ts';
import { type GraphModel, GraphParameters } from './parameters.ts';
import { attentionBias, readSequence } from './sequence-pass.ts';

/**
 * Static shape of a shard. Prompts are aligned to the right of `promptTokens`, responses to the left of
 * `responseTokens`.
 */
export type ShardShape = {
  rows: number;
  promptTokens: number;
  /** At least 1. */
  responseTokens: number;
  /** Whether some prompt is shorter than `promptTokens`: then its padding is masked. */
  padded: boolean;
  picture: PictureShape;
};

/** Far above log 10, beyond which only the clipped term is taken, and far below the overflow of exp in float32. */
const LARGEST_LOG_RATIO = 30;

/**
 * The factor of a loss for gradients in float16, where numbers under 6e-8 are zero; a power of two, so that division
 * undoes it exactly.
 */
const FLOAT16_LOSS_SCALE = 1024;

/** Number of token positions that enter the decoder: the last response token is only a target. */
export function inputTokens({ promptTokens, responseTokens }: ShardShape): number {
  return promptTokens + responseTokens - 1;
}

/** Outputs `logprobs` [rows, responseTokens] at `temperature` and `values` [rows]. */
export function scoringProgram(model: GraphModel, shape: ShardShape): Program {
  const { g, temperature, targets, logits, values } = forward(model, shape);
  const { picked } = tokenLogprob(g, div(g, logits, temperature), targets);
  g.output('logprobs', reshape(g, picked, [shape.rows, shape.responseTokens]));
  g.output('values', values);
  return g.finish();
}

/**
 * Outputs `image_features`, and for every position `logits` and `last_hidden` (after the final norm), for comparison
 * with other implementations.
 */
export function inspectionProgram(model: GraphModel, shape: ShardShape): Program {
  const { g, features, logits, hidden } = forward(model, shape, 0);
  g.output('image_features', cast(g, features.features, 'float32'));
  for (const [index, feature] of features.deepstack.entries())
    g.output(`deepstack_features_${index}`, cast(g, feature, 'float32'));
  g.output('logits', logits);
  g.output('last_hidden', cast(g, hidden, 'float32'));
  return g.finish();
}

/** Outputs a gradient `grad:<name>` for each trained parameter and the row statistics of `RowStatistics`. */
export function trainingProgram(model: GraphModel, shape: ShardShape): Program {
  const { rows, responseTokens } = shape;
  const { g, parameters, temperature, targets, logits, values } = forward(model, shape, undefined, model.loraDropout);
  const perToken = (name: string) => g.input(name, 'float32', [rows, responseTokens]);
  const perRow = (name: string) => g.input(name, 'float32', [rows]);
  const scalar = (name: string) => g.input(name, 'float32', []);
  const [logprobWeights, sftWeights, entropyWeights] = ['logprob_weights', 'sft_weights', 'entropy_weights'].map(
    perToken,
  );
  const [oldLogprob, oldValue, advantage, returns, rowWeight] = [
    'old_logprob',
    'old_value',
    'advantage',
    'return',
    'row_weight',
  ].map(perRow);
  const [clip, clipHigh, valueCoef] = ['clip', 'clip_high', 'value_coef'].map(scalar);
  const one = g.scalar(1);

  const scaled = tokenLogprob(g, div(g, logits, temperature), targets);
  const logprob = reduceSum(g, mul(g, reshape(g, scaled.picked, [rows, responseTokens]), logprobWeights), [1]);

  // ratio = exp(new - old); surrogate = min(ratio A, clip(ratio) A), only the clipped term where ratio > 10
  // The exponent stops where the ratio no longer counts: an infinite ratio times a zero gradient would be NaN.
  const ratio = exp(g, min(g, sub(g, logprob, oldLogprob), g.scalar(LARGEST_LOG_RATIO)));
  const clippedRatio = min(g, max(g, ratio, sub(g, one, clip)), add(g, one, clipHigh));
  const clippedSurrogate = mul(g, clippedRatio, advantage);
  const surrogate = where(
    g,
    greater(g, ratio, g.scalar(10)),
    clippedSurrogate,
    min(g, mul(g, ratio, advantage), clippedSurrogate),
  );
  const actionLoss = neg(g, surrogate);

  // 0.5 max((v - R)^2, (v_old + clip(v - v_old) - R)^2)
  const change = sub(g, values, oldValue);
  const clippedValue = add(g, oldValue, min(g, max(g, change, neg(g, clip)), clip));
  const square = (x: Value) => mul(g, x, x);
  const valueLoss = mul(
    g,
    g.scalar(0.5),
    max(g, square(sub(g, values, returns)), square(sub(g, clippedValue, returns))),
  );

  const raw = tokenLogprob(g, logits, targets);
  const sftLoss = neg(g, reduceSum(g, mul(g, reshape(g, raw.picked, [rows, responseTokens]), sftWeights), [1]));

  const ppoLoss = mul(g, rowWeight, add(g, actionLoss, mul(g, valueCoef, valueLoss)));
  const loss = reduceSum(g, add(g, ppoLoss, sftLoss), [0]);
  const scale = model.precision === 'float16' ? FLOAT16_LOSS_SCALE : 1;
  const grads = gradients(g, scale === 1 ? loss : mul(g, loss, g.scalar(scale)), parameters.trained);

  const entropies = neg(g, reduceSum(g, mul(g, exp(g, scaled.all), scaled.all), [1]));
  const entropy = reduceSum(g, mul(g, reshape(g, entropies, [rows, responseTokens]), entropyWeights), [1]);
  for (const [name, value] of Object.entries({
    logprob,
    value: values,
    ratio,
    action_loss: actionLoss,
    value_loss: valueLoss,
    sft_loss: sftLoss,
    entropy,
  }))
    g.output(name, value);
  for (const [index, { name }] of parameters.trained.entries()) {
    const grad = grads[index];
    if (grad !== null) g.output(`grad:${name}`, scale === 1 ? grad : mul(g, grad, g.scalar(1 / scale)));
  }
  return g.finish();
}

type Forward = {
  g: GraphBuilder;
  parameters: GraphParameters;
  features: ImageFeatures;
  temperature: Value;
  targets: Value;
  logits: Value;
  hidden: Value;
  values: Value;
};

/**
 * Logits and final-norm hidden states of the positions from `from` on; default: those that predict the response ([rows
 * * responseTokens, vocabulary]), and values [rows]. `dropout`: the rate of LoRA dropout.
 */
export function forward(
  model: GraphModel,
  shape: ShardShape,
  from: number = shape.promptTokens - 1,
  dropout = 0,
): Forward {
  const { rows, promptTokens, responseTokens } = shape;
  const { config } = model.checkpoint;
  const { text } = config;
  const tokens = inputTokens(shape);
  const kept = tokens - from;
  const g = new GraphBuilder();
  const parameters = new GraphParameters(
    g,
    model,
    dropout === 0 ? {} : { dropout: new LoraDropout(g, dropout, rows, model.provider) },
  );
  const targets = g.input('targets', 'int64', [rows * responseTokens]);
  const temperature = g.input('temperature', 'float32', []);
  const decoder = new Decoder(g, text, parameters, tokens);
  const { hidden, features } = readSequence(
    decoder,
    parameters,
    config,
    {
      rows,
      tokens,
      from,
      picture: shape.picture,
      bias: attentionBias(g, { rows, tokens, padded: shape.padded }, text.slidingWindow),
    },
    model.gradientCheckpointing ? (make) => g.recomputed(make) : undefined,
  );
  const lastPrompt = reshape(
    g,
    slice(g, reshape(g, hidden, [rows, kept, text.hiddenSize]), 1, promptTokens - 1 - from, promptTokens - from),
    [rows, text.hiddenSize],
  );
  return {
    g,
    parameters,
    features,
    temperature,
    targets,
    logits: decoder.logits(hidden),
    hidden,
    values: valueHead(g, parameters, lastPrompt),
  };
}

/** Linear-ReLU-...-Linear on [rows, hidden] -> [rows], in float32. */
export function valueHead(g: GraphBuilder, parameters: GraphParameters, hidden: Value): Value {
  let x = cast(g, hidden, 'float32');
  for (let index = 0; ; index += 2) {
    x = parameters.linear(`value_head.${index}`, x);
    if (!parameters.has(`value_head.${index + 2}.weight`)) return reshape(g, x, [hidden.shape[0]]);
    x = relu(g, x);
  }
}
