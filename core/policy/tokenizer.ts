/** Text to token ids and back, from a checkpoint's own `tokenizer.json`; and where a response's thought ends. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { applyChatTemplate, IMAGE_MARK, readChatTemplate, type Turn } from './chat-template.ts';
import { checkConfig, readJson } from './checkpoint/check-config.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { readVlmConfig } from './checkpoint/read-config.ts';
import { familyOf } from './families/registry.ts';
import { lastActionKey } from './response.ts';

/** Tokens of the action part of a response that has no action key (spec.md section 3). */
const ACTION_TOKENS_WITHOUT_KEY = 4;

/**
 * The text of ids, and the part [start, end) of it that each id made, in UTF-16 units. An id without text, or with an
 * incomplete character, has an empty part.
 */
export type DecodedText = { text: string; offsets: [number, number][] };

/** A picture as text, with a mark for each run of image tokens, whose id is `id`. */
export type ImageWords = { mark: string; text: string; tokensEach: number; id: number };

export class PolicyTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #bosTokenId: number | null;
  readonly #endIds: readonly number[];
  readonly #special: ReadonlyMap<string, number>;
  readonly #chatTemplate: string | null;

  /** `alwaysBegins`: prompts begin with the begin-of-sequence id whatever the tokenizer does. */
  constructor(
    tokenizer: object,
    tokenizerConfig: object,
    {
      bosTokenId,
      eosTokenIds,
      alwaysBegins = true,
    }: { bosTokenId: number | null; eosTokenIds: readonly number[]; alwaysBegins?: boolean },
    chatTemplate: string | null = null,
  ) {
    this.#tokenizer = new Tokenizer(withAllDigits(tokenizer), tokenizerConfig);
    this.#chatTemplate = chatTemplate;
    this.#bosTokenId = alwaysBegins || this.#tokenizer.encode('a').ids[0] === bosTokenId ? bosTokenId : null;
    this.#endIds = eosTokenIds;
    this.#special = specialTokens(tokenizer, [bosTokenId ?? -1, ...eosTokenIds]);
  }

  /** Ids of a text, without special tokens around it, and without what the vocabulary has no word for. */
  encode(text: string): number[] {
    if (text === '') return [];
    // The library gives undefined for an unknown word where the vocabulary has none for "unknown" either.
    const ids: (number | undefined)[] = this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
    return ids.filter((each) => each !== undefined);
  }

  /** Text of ids, without special tokens and end-of-sequence ids. */
  decode(ids: readonly number[]): string {
    const spoken = ids.filter((id) => !this.isEnd(id));
    return spoken.length === 0
      ? ''
      : this.#tokenizer.decode(spoken, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }

  /**
   * Whether the vocabulary can express the whole text: decoding returns it, except for spaces and variants of one
   * letter, which tokenizers may change.
   */
  canSay(text: string): boolean {
    const letters = (spaced: string) => spaced.normalize('NFKC').replace(/\s/g, '');
    return letters(this.decode(this.encode(text))) === letters(text);
  }

  /**
   * The first special token (end of sequence, image, padding ...) that the text itself encodes to; null: none.
   */
  specialIn(text: string): string | null {
    const found = [...this.#special].filter(([token]) => text.includes(token));
    if (found.length === 0) return null;
    const ids = new Set(this.encode(text));
    return found.find(([, id]) => ids.has(id))?.[0] ?? null;
  }

  /** The text with its special tokens broken up, so that it is read as letters alone. */
  plain(text: string): string {
    for (let found = this.specialIn(text); found !== null; found = this.specialIn(text))
      text = text.replaceAll(found, found.length === 1 ? ' ' : `${found[0]} ${found.slice(1)}`);
    return text;
  }

  /** The text of ids, and the span of each: `text.slice(...offsets[i])` is what id i added. */
  decodeWithOffsets(ids: readonly number[]): DecodedText {
    const text = this.decode(ids);
    let end = 0;
    const offsets = ids.map((_, index): [number, number] => {
      const start = end;
      end = index === ids.length - 1 ? text.length : Math.max(start, this.#textEnd(ids, index + 1, text));
      return [start, end];
    });
    return { text, offsets };
  }

  /** What a prompt begins with: the begin-of-sequence id, if prompts of the model have one. */
  beginIds(): number[] {
    return this.#bosTokenId === null ? [] : [this.#bosTokenId];
  }

  /**
   * A prompt in the checkpoint's own chat template, the image mark replaced by the ids of `image`. Without a template:
   * begin id and plain text. Throws `CheckpointError`.
   */
  chatPromptIds(prompt: string, image: ImageWords, earlier: readonly Turn[] = []): number[] {
    if (prompt.split(IMAGE_MARK).length !== 2)
      throw new CheckpointError(
        `A prompt must hold ${IMAGE_MARK} once: ${JSON.stringify(prompt)}; fix the prompt template`,
      );
    const name = (id: number | null) => (id === null ? '' : (this.#tokenizer.id_to_token(id) ?? ''));
    const text =
      this.#chatTemplate === null
        ? [...earlier.map(({ question, answer }) => `${question}\n${answer}\n`), prompt]
            .join('')
            .replaceAll(IMAGE_MARK, () => image.text)
        : applyChatTemplate(
            this.#chatTemplate,
            prompt,
            { bos_token: name(this.#bosTokenId), eos_token: name(this.endId) },
            image.mark,
            earlier,
          ).replaceAll(image.mark, () => image.text);
    const ids = this.imageIds(text, image);
    return this.#bosTokenId === null || ids[0] === this.#bosTokenId ? ids : [this.#bosTokenId, ...ids];
  }

  /**
   * Ids of a text in which each mark stands for as many image tokens as `image` says. A tokenizer with an image token
   * gets the text as a whole, because it may treat the text after the image differently.
   */
  imageIds(text: string, { mark, tokensEach, id }: Omit<ImageWords, 'text'>): number[] {
    const run = new Array<number>(tokensEach).fill(id);
    const known = this.#tokenizer.token_to_id(mark);
    if (known !== undefined) return this.encode(text).flatMap((each) => (each === known ? run : each));
    return text.split(mark).flatMap((part, index) => [...(index === 0 ? [] : run), ...this.encode(part)]);
  }

  get hasChatTemplate(): boolean {
    return this.#chatTemplate !== null;
  }

  /** The id that ends a taught response. */
  get endId(): number {
    return this.#endIds[0];
  }

  isEnd(id: number | undefined): boolean {
    return id !== undefined && this.#endIds.includes(id);
  }

  /**
   * Text of a response and its number of thought tokens: those before the token that holds the opening quote of the
   * last action key, found in the decoded text; without an action key all but the last four.
   */
  splitResponse(ids: readonly number[]): { text: string; thoughtTokens: number } {
    const text = this.decode(ids);
    const key = lastActionKey(text);
    if (key === null) return { text, thoughtTokens: Math.max(0, ids.length - ACTION_TOKENS_WITHOUT_KEY) };
    // The shortest prefix of ids whose text reaches beyond the quote ends with the token that holds it.
    let [low, high] = [1, ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#textEnd(ids, middle, text) > key.start) high = middle;
      else low = middle + 1;
    }
    return { text, thoughtTokens: low - 1 };
  }

  /**
   * The length of the part of `text` (the decoded `ids`) that the first `count` ids make. Ids that end inside a
   * character decode to a different character there.
   */
  #textEnd(ids: readonly number[], count: number, text: string): number {
    const prefix = this.decode(ids.slice(0, count));
    if (text.startsWith(prefix)) return prefix.length;
    let end = 0;
    while (prefix[end] === text[end]) end++;
    return end;
  }
}

/**
 * The tokenizers library in Rust treats every numeric character as a digit, also fractions and Roman numerals; the one
 * in JavaScript only 0 to 9. This rewrites the step so that both agree.
 */
function withAllDigits(tokenizer: object): object {
  type Step = { type?: string; pretokenizers?: Step[]; individual_digits?: boolean };
  const worded = (step: Step): object => {
    if (step.type === 'Sequence') return { ...step, pretokenizers: step.pretokenizers?.map(worded) };
    if (step.type !== 'Digits') return step;
    const Regex = step.individual_digits === true ? '\\p{N}' : '\\p{N}+';
    return { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false };
  };
  const { pre_tokenizer: step } = tokenizer as { pre_tokenizer?: Step | null };
  return step === undefined || step === null ? tokenizer : { ...tokenizer, pre_tokenizer: worded(step) };
}

/** Added tokens that are marked as special, and those of `ids`, with their ids. */
function specialTokens(tokenizer: object, ids: readonly number[]): Map<string, number> {
  const { added_tokens: added = [] } = tokenizer as {
    added_tokens?: readonly { content: string; id: number; special?: boolean }[];
  };
  return new Map(
    added.filter(({ id, special }) => special === true || ids.includes(id)).map(({ content, id }) => [content, id]),
  );
}

/** The parts of a tokenizer.json that the library does not check: wrong ids would only show when a text is encoded. */
const id = z.int().min(0);
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id, content: z.string().min(1), special: z.boolean().optional() })).optional(),
  model: z.looseObject({
    vocab: z.union([z.record(z.string(), id), z.array(z.tuple([z.string(), z.number()], z.unknown()))]).optional(),
    unk_token: z.string().nullish(),
  }),
});

/** The tokenizer of a checkpoint folder. Throws `CheckpointError`. */
export function loadTokenizer(folder: string): PolicyTokenizer {
  const file = path.join(folder, 'tokenizer.json');
  if (!existsSync(file) && existsSync(path.join(folder, 'tokenizer.model')))
    throw new CheckpointError(
      `${folder} has tokenizer.model but no tokenizer.json; convert it once: AutoTokenizer.from_pretrained(folder, ` +
        `use_fast=True).save_pretrained(folder) in transformers`,
    );
  const tokenizer = checkConfig(tokenizerSchema, readJson(file, 'a checkpoint needs its tokenizer.json'), file);
  const configFile = path.join(folder, 'tokenizer_config.json');
  const config = (existsSync(configFile) ? readJson(configFile, 'fetch it again') : {}) as object;
  const { text, family } = readVlmConfig(folder);
  const template = readChatTemplate(folder, config);
  try {
    return new PolicyTokenizer(
      tokenizer,
      config,
      { ...text, alwaysBegins: familyOf({ family }).alwaysBegins },
      template,
    );
  } catch (error) {
    throw new CheckpointError(
      `${file} cannot be used (${(error as Error).message}); fetch the tokenizer files again, or save them with a ` +
        `current transformers`,
    );
  }
}
