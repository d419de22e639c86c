/** Text to token ids and back, from a checkpoint's own `tokenizer.json`; and where a response's thought ends. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { CheckpointError } from './checkpoint/errors.ts';
import { readVlmConfig } from './checkpoint/read-config.ts';

/** Tokens of the action part of a response that has no action key (spec.md section 3). */
const ACTION_TOKENS_WITHOUT_KEY = 4;
const ACTION_KEY = '"action":';

export class PolicyTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #bosTokenId: number | null;
  readonly #endIds: readonly number[];
  readonly #chatTemplate: string | null;

  constructor(tokenizer: object, tokenizerConfig: object, { bosTokenId, eosTokenIds }: { bosTokenId: number | null; eosTokenIds: readonly number[] }, chatTemplate: string | null = null) {
    this.#tokenizer = new Tokenizer(tokenizer, tokenizerConfig);
    this.#chatTemplate = chatTemplate;
    this.#bosTokenId = bosTokenId;
    this.#endIds = eosTokenIds;
  }

  /** Ids of a text, without special tokens around it. */
  encode(text: string): number[] {
    return text === '' ? [] : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  /** Text of ids, without special tokens. */
  decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.#tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }

  /** What a prompt begins with: the begin-of-sequence id, if the model has one. */
  beginIds(): number[] {
    return this.#bosTokenId === null ? [] : [this.#bosTokenId];
  }

  /** A prompt in the checkpoint's own chat template, the image mark replaced by `imageIds`. Without a template: begin id and plain text. */
  chatPromptIds(prompt: string, imageIds: readonly number[]): number[] {
    const [before, after] = this.#chatTemplate === null ? prompt.split('<image>') : this.#chat(prompt).split('<image>');
    const ids = [...this.encode(before), ...imageIds, ...this.encode(after)];
    return this.#bosTokenId === null || ids[0] === this.#bosTokenId ? ids : [this.#bosTokenId, ...ids];
  }

  #chat(prompt: string): string {
    const [before, after] = prompt.split('<image>');
    const content = [{ type: 'text', text: before }, { type: 'image' }, { type: 'text', text: after }].filter(({ text }) => text !== '');
    return new Template(this.#chatTemplate!).render({ messages: [{ role: 'user', content }], add_generation_prompt: true, bos_token: '', eos_token: '' });
  }

  /** The id that ends a taught response. */
  get endId(): number {
    return this.#endIds[0];
  }

  isEnd(id: number | undefined): boolean {
    return id !== undefined && this.#endIds.includes(id);
  }

  /**
   * Text of a response and its number of thought tokens: those before the token that holds the opening quote of the last action key, found in the
   * decoded text; without an action key all but the last four.
   */
  splitResponse(ids: readonly number[]): { text: string; thoughtTokens: number } {
    const text = this.decode(ids);
    const position = text.lastIndexOf(ACTION_KEY);
    if (position < 0) return { text, thoughtTokens: Math.max(0, ids.length - ACTION_TOKENS_WITHOUT_KEY) };
    // The shortest prefix of ids whose text reaches beyond the quote ends with the token that holds it.
    let [low, high] = [1, ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.decode(ids.slice(0, middle)).length > position) high = middle;
      else low = middle + 1;
    }
    return { text, thoughtTokens: low - 1 };
  }
}

/** The tokenizer of a checkpoint folder. Throws `CheckpointError`. */
export function loadTokenizer(folder: string): PolicyTokenizer {
  const read = (name: string, required: boolean): object => {
    const file = path.join(folder, name);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as object;
    } catch (error) {
      if (!required && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw new CheckpointError(`${file}: cannot be read (${(error as Error).message}); a checkpoint needs its tokenizer.json`);
    }
  };
  const tokenizerConfig = read('tokenizer_config.json', false) as { chat_template?: string };
  return new PolicyTokenizer(read('tokenizer.json', true), tokenizerConfig, readVlmConfig(folder).text, readChatTemplate(folder) ?? tokenizerConfig.chat_template ?? null);
}

/** A template in a file of its own, in either form that transformers writes. */
function readChatTemplate(folder: string): string | null {
  const plain = path.join(folder, 'chat_template.jinja');
  if (existsSync(plain)) return readFileSync(plain, 'utf8');
  const wrapped = path.join(folder, 'chat_template.json');
  return existsSync(wrapped) ? (JSON.parse(readFileSync(wrapped, 'utf8')) as { chat_template: string }).chat_template : null;
}
