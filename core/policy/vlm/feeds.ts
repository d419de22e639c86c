/**
 * Rows of a request as the arrays that a graph of static shape takes. Rows beyond the request repeat the first one with
 * weight 0.
 */
import type { ArrayData } from '../../graph/session.ts';
import type { PictureShape } from '../families/model-family.ts';
import { HIDDEN_SCORE } from '../families/parts/causal-attention.ts';
import { familyOf } from '../families/registry.ts';
import type { GradientRequest, Pictures, SampleRequest, SampleRow, TrainingRow } from '../policy-engine.ts';
import type { VlmConfig } from '../vlm-config.ts';
import type { SampleShape } from './sampling-graph.ts';
import { inputTokens, type ShardShape } from './training-graph.ts';

export type Feeds = Record<string, ArrayData> & { pixels: Float32Array };
/** Allocates the largest feed: new memory, or reused memory with arbitrary content. */
export type NewPixels = (length: number) => Float32Array;
const freshPixels: NewPixels = (length) => new Float32Array(length);
type PromptRow = { image: number; promptIds: readonly number[]; responseIds?: readonly number[] };

/**
 * Ids, positions, image places and pictures of prompts aligned to the right of `promptTokens`, and of the responses
 * that follow.
 */
function sequenceFeeds(
  config: VlmConfig,
  rows: readonly PromptRow[],
  pictures: Pictures,
  count: number,
  { promptTokens, padded, picture }: { promptTokens: number; padded: boolean; picture: PictureShape },
  tokens: number,
  newPixels: NewPixels,
): Feeds {
  const family = familyOf(config);
  const { imageTokenId, text } = config;
  const { positionAxes } = family;
  const mostImageTokens = family.tokensOfParts(config, picture.parts);
  const ids = new BigInt64Array(count * tokens).fill(BigInt(text.padTokenId));
  const positions = new BigInt64Array(positionAxes * count * tokens);
  // Missing parts of a picture go after the last token.
  const imagePositions = new BigInt64Array(count * mostImageTokens).fill(BigInt(count * tokens));
  const nextPositions = new BigInt64Array(count);
  const padding = padded ? new Float32Array(count * tokens) : null;
  const shown = Array.from({ length: count }, (_, index) => pictures[(rows[index] ?? rows[0]).image]);
  for (let index = 0; index < count; index++) {
    const { promptIds, responseIds = [] } = rows[index] ?? rows[0];
    const { grid } = shown[index];
    const start = promptTokens - promptIds.length;
    const { axes, next } = family.positions(config, promptIds, grid);
    nextPositions[index] = BigInt(next);
    let seen = 0;
    for (let position = 0; position < tokens; position++) {
      const at = index * tokens + position;
      const token = position - start;
      const id = token < promptIds.length ? promptIds[token] : responseIds[token - promptIds.length];
      if (token >= 0 && id !== undefined) ids[at] = BigInt(id);
      for (let axis = 0; token > 0 && axis < positionAxes; axis++)
        positions[axis * count * tokens + at] = BigInt(
          token < promptIds.length ? axes[axis][token] : next + token - promptIds.length,
        );
      if (token < 0 && padding !== null) padding[at] = HIDDEN_SCORE;
      if (token >= 0 && token < promptIds.length && id === imageTokenId) {
        if (seen < mostImageTokens) imagePositions[index * mostImageTokens + seen] = BigInt(at);
        seen++;
      }
    }
    const wanted = family.imageTokens(config, grid);
    if (seen !== wanted)
      throw new RangeError(`a prompt holds ${seen} image tokens; this model takes ${wanted} for its picture`);
  }
  return {
    ids,
    positions,
    next_positions: nextPositions,
    image_positions: imagePositions,
    ...family.pictureFeeds(config, shown, picture, newPixels),
    ...(padding === null ? {} : { padding }),
  };
}

/** Feeds of `scoringProgram`. */
export function scoringFeeds(
  config: VlmConfig,
  shape: ShardShape,
  rows: readonly PromptRow[],
  pictures: Pictures,
  temperature: number,
  newPixels = freshPixels,
): Feeds {
  const { rows: count, responseTokens } = shape;
  const targets = new BigInt64Array(count * responseTokens);
  for (const [index, { responseIds = [] }] of rows.entries())
    for (const [token, id] of responseIds.entries()) targets[index * responseTokens + token] = BigInt(id);
  return {
    ...sequenceFeeds(config, rows, pictures, count, shape, inputTokens(shape), newPixels),
    targets,
    temperature: new Float32Array([temperature]),
  };
}

/** Feeds of `trainingProgram`. */
export function trainingFeeds(
  config: VlmConfig,
  shape: ShardShape,
  rows: readonly TrainingRow[],
  { pictures, temperature, clip, clipHigh = clip, valueCoef }: Omit<GradientRequest, 'rows'>,
  newPixels = freshPixels,
): Feeds {
  const { rows: count, responseTokens } = shape;
  const perToken = (values: (row: TrainingRow) => ArrayLike<number> | undefined) => {
    const result = new Float32Array(count * responseTokens);
    for (const [index, row] of rows.entries()) result.set(values(row) ?? [], index * responseTokens);
    return result;
  };
  const perRow = (value: (ppo: NonNullable<TrainingRow['ppo']>) => number) =>
    Float32Array.from({ length: count }, (_, index) => (rows[index]?.ppo ? value(rows[index].ppo) : 0));
  return {
    ...scoringFeeds(config, shape, rows, pictures, temperature, newPixels),
    logprob_weights: perToken(({ ppo }) => ppo?.tokenWeights),
    sft_weights: perToken(({ sftWeights }) => sftWeights),
    entropy_weights: perToken(({ responseIds }) => new Float32Array(responseIds.length).fill(1 / responseIds.length)),
    old_logprob: perRow(({ oldLogprob }) => oldLogprob),
    old_value: perRow(({ oldValue }) => oldValue),
    advantage: perRow(({ advantage }) => advantage),
    return: perRow((ppo) => ppo.return),
    row_weight: perRow(({ weight }) => weight),
    dropout_seeds: BigInt64Array.from({ length: count }, (_, index) => rows[index]?.dropoutSeed ?? 1n),
    clip: new Float32Array([clip]),
    clip_high: new Float32Array([clipHigh]),
    value_coef: new Float32Array([valueCoef]),
  };
}

/** Feeds of `samplingProgram`; rows of one prompt are adjacent. */
export function samplingFeeds(
  config: VlmConfig,
  shape: SampleShape,
  rows: readonly SampleRow[],
  request: Omit<SampleRequest, 'rows'>,
  newPixels = freshPixels,
): Feeds {
  const { rows: count, rowsPerPrompt, promptTokens, maxNewTokens } = shape;
  const prompts = rows.filter((_, index) => index % rowsPerPrompt === 0);
  const { vocabSize } = config.text;
  const noise = new Float32Array(maxNewTokens * count).fill(0.5);
  const seen = new Uint8Array(count * vocabSize);
  for (const [index, row] of rows.entries()) {
    for (let token = 0; token < maxNewTokens; token++) noise[token * count + index] = row.noise[token] ?? 0.5;
    if (request.penalizePrompt) for (const id of row.promptIds) seen[index * vocabSize + id] = 1;
  }
  return {
    ...sequenceFeeds(config, prompts, request.pictures, count / rowsPerPrompt, shape, promptTokens, newPixels),
    noise,
    seen,
    temperature: new Float32Array([request.temperature || 1]),
    penalty: new Float32Array([request.repetitionPenalty]),
  };
}
