/** What an agent is made of but its engine: enough to word prompts, read pictures and count tokens. */
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import { IMAGE_MARK } from './chat-template.ts';
import { readVlmConfig } from './checkpoint/read-config.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint/open-checkpoint.ts';
import type { ImagePreprocessor, Picture } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import { fillTemplate, loadPromptTemplate, type PromptTemplate } from './prompt-template.ts';
import { loadTokenizer, type PolicyTokenizer } from './tokenizer.ts';
import type { VlmConfig } from './vlm-config.ts';

/** What of it needs no weights. */
export type Wording = {
  config: VlmConfig;
  template: PromptTemplate;
  tokenizer: PolicyTokenizer;
  prompts: PromptEncoder;
  preprocess: ImagePreprocessor;
};

export type AgentParts = Wording & { checkpoint: Checkpoint };

type Named = { model: Pick<RunConfig['model'], 'base' | 'adapter' | 'prompt'>; environment: { name: string } };

/** The wording of one environment in a checkpoint's tokens. Throws `CheckpointError` or `ConfigError`. */
export function openWording(
  { model, environment }: { model: Pick<RunConfig['model'], 'base' | 'prompt'>; environment: { name: string } },
  resolvePath: (path: string) => string,
): Wording {
  const folder = resolvePath(model.base);
  const template = loadPromptTemplate(model.prompt, environment.name);
  const config = readVlmConfig(folder);
  const tokenizer = loadTokenizer(folder);
  const preprocess = familyOf(config).loadPreprocessor(folder, config);
  return { config, template, tokenizer, prompts: new PromptEncoder(template, tokenizer, config), preprocess };
}

/**
 * Opens a checkpoint for one environment's wording. Throws `CheckpointError` or `ConfigError` with one clear sentence.
 */
export function openAgentParts(named: Named, resolvePath: (path: string) => string): AgentParts {
  const { base, adapter } = named.model;
  const checkpoint = openCheckpoint(resolvePath(base), adapter === null ? null : resolvePath(adapter));
  return { ...openWording(named, resolvePath), checkpoint };
}

/** Prompts as token ids, with the tokens of a picture in the place of the image mark. */
export class PromptEncoder {
  readonly #template: PromptTemplate;
  readonly #tokenizer: PolicyTokenizer;
  readonly #config: VlmConfig;

  constructor(template: PromptTemplate, tokenizer: PolicyTokenizer, config: VlmConfig) {
    this.#template = template;
    this.#tokenizer = tokenizer;
    this.#config = config;
  }

  /** The template's prompt, filled with an environment's values, in which special tokens and image marks are words. */
  promptIds(values: Readonly<Record<string, string>>, picture: Picture): number[] {
    const plain = Object.entries(values).map(([name, value]): [string, string] => [
      name,
      this.#tokenizer.plain(value).replaceAll(IMAGE_MARK, '< image>'),
    ]);
    return this.questionIds(fillTemplate(this.#template.prompt, Object.fromEntries(plain)), picture);
  }

  /**
   * A text with one image mark, worded already; `whole`: not cut to the template's fixed length. Throws `ConfigError`
   * for another number of marks.
   */
  questionIds(question: string, { grid }: Pick<Picture, 'grid'>, { whole = false } = {}): number[] {
    const [before, after, ...others] = question.split(IMAGE_MARK);
    if (after === undefined || others.length > 0)
      throw new ConfigError(`A prompt must hold ${IMAGE_MARK} once: ${JSON.stringify(question)}.`);
    const family = familyOf(this.#config);
    const { chat } = this.#template;
    const plain = !chat || !this.#tokenizer.hasChatTemplate;
    const image = {
      mark: family.imageMark,
      id: this.#config.imageTokenId,
      ...family.imageWords(this.#config, grid, plain),
    };
    if (chat) return this.#tokenizer.chatPromptIds(question, image);
    return [
      ...this.#tokenizer.beginIds(),
      ...this.#tokenizer.encode(before),
      ...this.#tokenizer.imageIds(image.text, image),
      ...this.#fixedLength(this.#tokenizer.encode(after), whole),
    ];
  }

  #fixedLength(ids: number[], whole: boolean): number[] {
    const { fixedLength } = this.#template;
    if (fixedLength === null || (whole && ids.length > fixedLength.tokens)) return ids;
    const [pad] = this.#tokenizer.encode(fixedLength.pad);
    const kept = ids.slice(-fixedLength.tokens);
    return [...kept, ...new Array<number>(fixedLength.tokens - kept.length).fill(pad)];
  }
}
