/** Requests like those of a training iteration, for a model of any shape: random words around one image. */
import type { GradientRequest, SampleRequest, TrainingRow } from '../../core/policy/policy-engine.ts';
import type { Grid, Picture } from '../../core/policy/families/model-family.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import type { VlmConfig } from '../../core/policy/vlm-config.ts';
import { RandomStream } from '../../core/random/counter.ts';

/** Tokens that no response may hold: padding, begin, end, image. */
const SPECIAL_TOKENS = 4;

export class Requests {
  readonly #config: VlmConfig;
  /** The grid of every picture. */
  readonly #grid: Grid;
  /** Tokens of a prompt: begin, image, words. */
  readonly promptTokens: number;

  constructor(config: VlmConfig, promptTokens: number, grid: Grid = [1, 1]) {
    this.#config = config;
    this.#grid = grid;
    this.promptTokens = promptTokens;
  }

  /**
   * `rows` rows to be answered with `tokens` tokens each (random weights rarely end a row earlier), of which
   * `rowsPerPrompt` at a time share a prompt.
   */
  sample(rows: number, tokens: number, rowsPerPrompt = 1): SampleRequest {
    const random = new RandomStream({ seed: 1, purpose: 'bench sampling' });
    const prompts = Array.from({ length: rows / rowsPerPrompt }, (_, image) => ({
      image,
      promptIds: this.#prompt(random),
    }));
    return {
      rows: Array.from({ length: rows }, (_, row) => ({
        ...prompts[Math.floor(row / rowsPerPrompt)],
        noise: Float32Array.from({ length: tokens }, () => random.uniform()),
      })),
      pictures: this.#pictures(random, prompts.length),
      maxNewTokens: tokens,
      temperature: 1,
      repetitionPenalty: 1.2,
      penalizePrompt: false,
    };
  }

  /**
   * One optimizer step's rows: `ppo` samples and `sft` corrections with responses of `shortest` to `longest` tokens.
   */
  gradient({
    ppo,
    sft,
    shortest,
    longest,
    seed = 1,
  }: {
    ppo: number;
    sft: number;
    shortest: number;
    longest: number;
    seed?: number;
  }): GradientRequest {
    const random = new RandomStream({ seed, purpose: 'bench rows' });
    const rows = Array.from({ length: ppo + sft }, (_, image): TrainingRow => {
      const tokens = shortest + random.below(longest - shortest + 1);
      const row = { image, promptIds: this.#prompt(random), responseIds: this.#words(random, tokens) };
      if (image >= ppo) return { ...row, sftWeights: new Float32Array(tokens).fill(1 / (sft * tokens)) };
      return {
        ...row,
        ppo: {
          tokenWeights: new Float32Array(tokens).fill(0.5),
          oldLogprob: -2 * tokens,
          oldValue: 0,
          advantage: random.normal(),
          return: random.normal(),
          weight: 1 / ppo,
        },
      };
    });
    return { rows, pictures: this.#pictures(random, rows.length), temperature: 0.2, clip: 0.1, valueCoef: 0.5 };
  }

  #words(random: RandomStream, count: number): number[] {
    return Array.from(
      { length: count },
      () => SPECIAL_TOKENS + random.below(this.#config.text.vocabSize - SPECIAL_TOKENS),
    );
  }

  #prompt(random: RandomStream): number[] {
    const image = familyOf(this.#config).imageTokens(this.#config, this.#grid);
    return [
      1,
      ...new Array<number>(image).fill(this.#config.imageTokenId),
      ...this.#words(random, this.promptTokens - image - 1),
    ];
  }

  #pictures(random: RandomStream, count: number): Picture[] {
    const length = familyOf(this.#config).pictureValues(this.#config, this.#grid);
    return Array.from({ length: count }, () => ({
      pixels: Float32Array.from({ length }, () => 2 * random.uniform() - 1),
      grid: this.#grid,
    }));
  }
}
