/** The shapes of the built-in Points24 model with random weights, and requests like those of a training iteration. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GradientRequest, SampleRequest, TrainingRow } from '../../policy/policy-engine.ts';
import { writeNewCheckpoint } from '../../policy/new-checkpoint.ts';
import { RandomStream } from '../../random/counter.ts';
import sft from '../../configs/sft-points24-tiny.json' with { type: 'json' };

const IMAGE_TOKEN = 3;
const IMAGE_TOKENS = 16;
const TEXT_TOKENS = 14;
/** Tokens that no response may hold: padding, begin, end, image. */
const SPECIAL_TOKENS = 4;

/** Changes of the built-in model's decoder that make one of 1.1 M parameters. */
export const DECODER_1M = { hidden_size: 128, intermediate_size: 344, num_hidden_layers: 4, head_dim: 32 };

/** Writes the model, its decoder changed by `text`, into a fresh folder under the system's own for temporary files. */
export function writeTinyModel(text: object = {}): Promise<string> {
  const { architecture, pieces, imageSize } = sft.model;
  const changed = { ...architecture, text_config: { ...architecture.text_config, ...text } };
  return writeNewCheckpoint(mkdtempSync(path.join(tmpdir(), 'gtr-bench-')), { architecture: changed, pieces, imageSize }, 1);
}

function prompt(random: RandomStream, vocabulary: number, textTokens: number): number[] {
  const word = () => SPECIAL_TOKENS + random.below(vocabulary - SPECIAL_TOKENS);
  return [1, ...new Array<number>(IMAGE_TOKENS).fill(IMAGE_TOKEN), ...Array.from({ length: textTokens - 1 }, word)];
}

function pixels(random: RandomStream, images: number): Float32Array {
  return Float32Array.from({ length: images * 3 * 64 * 64 }, () => 2 * random.uniform() - 1);
}

/** `rows` prompts to be answered with `tokens` tokens each (random weights rarely end a row earlier). */
export function sampleRequest(rows: number, tokens: number, vocabulary: number, textTokens: number = TEXT_TOKENS): SampleRequest {
  const random = new RandomStream({ seed: 1, purpose: 'bench sampling' });
  return {
    rows: Array.from({ length: rows }, (_, image) => ({ image, promptIds: prompt(random, vocabulary, textTokens), noise: Float32Array.from({ length: tokens }, () => random.uniform()) })),
    pixels: pixels(random, rows),
    maxNewTokens: tokens,
    temperature: 1,
    repetitionPenalty: 1.2,
    penalizePrompt: false,
  };
}

/** One optimizer step's rows: `ppoRows` samples and `sftRows` corrections with responses of `shortest` to `longest` tokens. */
export function gradientRequest(ppoRows: number, sftRows: number, shortest: number, longest: number, vocabulary: number, seed: number, textTokens: number = TEXT_TOKENS): GradientRequest {
  const random = new RandomStream({ seed, purpose: 'bench rows' });
  const row = (image: number) => ({
    image,
    promptIds: prompt(random, vocabulary, textTokens),
    responseIds: Array.from({ length: shortest + random.below(longest - shortest + 1) }, () => SPECIAL_TOKENS + random.below(vocabulary - SPECIAL_TOKENS)),
  });
  const rows = Array.from({ length: ppoRows + sftRows }, (_, image): TrainingRow => {
    const { responseIds, ...rest } = row(image);
    const tokens = responseIds.length;
    if (image >= ppoRows) return { ...rest, responseIds, sftWeights: new Float32Array(tokens).fill(1 / (sftRows * tokens)) };
    const ppo = { tokenWeights: new Float32Array(tokens).fill(0.5), oldLogprob: -2 * tokens, oldValue: 0, advantage: random.normal(), return: random.normal(), weight: 1 / ppoRows };
    return { ...rest, responseIds, ppo };
  });
  return { rows, pixels: pixels(random, rows.length), temperature: 0.2, clip: 0.1, valueCoef: 0.5 };
}
