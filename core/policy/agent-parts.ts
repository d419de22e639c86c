/** What an agent is made of but its engine: enough to word prompts, read pictures and count tokens. */
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import { IMAGE_MARK } from './chat-template.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint/open-checkpoint.ts';
import { type ImagePreprocessor, loadImagePreprocessor } from './preprocess-image.ts';
import { fillTemplate, loadPromptTemplate, type PromptTemplate } from './prompt-template.ts';
import { loadTokenizer, type PolicyTokenizer } from './tokenizer.ts';
import { imageTokens, type VlmConfig } from './vlm-config.ts';

export type AgentParts = {
  checkpoint: Checkpoint;
  template: PromptTemplate;
  tokenizer: PolicyTokenizer;
  prompts: PromptEncoder;
  preprocess: ImagePreprocessor;
};

/**
 * Opens a checkpoint for one environment's wording. Throws `CheckpointError` or `ConfigError` with one clear sentence.
 */
export function openAgentParts(
  { model, environment }: Pick<RunConfig, 'model' | 'environment'>,
  resolvePath: (path: string) => string,
): AgentParts {
  const folder = resolvePath(model.base);
  const template = loadPromptTemplate(model.prompt, environment.name);
  const checkpoint = openCheckpoint(folder, model.adapter === null ? null : resolvePath(model.adapter));
  const tokenizer = loadTokenizer(folder);
  return {
    checkpoint,
    template,
    tokenizer,
    prompts: new PromptEncoder(template, tokenizer, checkpoint.config),
    preprocess: loadImagePreprocessor(folder),
  };
}

/** Prompts as token ids, with one image token per patch in the place of the image mark. */
export class PromptEncoder {
  readonly #template: PromptTemplate;
  readonly #tokenizer: PolicyTokenizer;
  readonly #config: VlmConfig;

  constructor(template: PromptTemplate, tokenizer: PolicyTokenizer, config: VlmConfig) {
    this.#template = template;
    this.#tokenizer = tokenizer;
    this.#config = config;
  }

  /** The template's prompt, filled with an environment's values. */
  promptIds(values: Readonly<Record<string, string>>): number[] {
    return this.questionIds(fillTemplate(this.#template.prompt, values));
  }

  /** A text with one image mark, worded already. Throws `ConfigError` for another number of marks. */
  questionIds(question: string): number[] {
    const [before, after, ...others] = question.split(IMAGE_MARK);
    if (after === undefined || others.length > 0)
      throw new ConfigError(`A prompt must hold ${IMAGE_MARK} once: ${JSON.stringify(question)}.`);
    const image = new Array<number>(imageTokens(this.#config)).fill(this.#config.imageTokenId);
    if (this.#template.chat) return this.#tokenizer.chatPromptIds(question, image);
    return [
      ...this.#tokenizer.beginIds(),
      ...this.#tokenizer.encode(before),
      ...image,
      ...this.#fixedLength(this.#tokenizer.encode(after)),
    ];
  }

  #fixedLength(ids: number[]): number[] {
    const { fixedLength } = this.#template;
    if (fixedLength === null) return ids;
    const [pad] = this.#tokenizer.encode(fixedLength.pad);
    const kept = ids.slice(-fixedLength.tokens);
    return [...kept, ...new Array<number>(fixedLength.tokens - kept.length).fill(pad)];
  }
}
