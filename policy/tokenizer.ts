/** Text to token ids and back, from a checkpoint's own `tokenizer.json`; and where a response's thought ends. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
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

  constructor(tokenizer: object, tokenizerConfig: object, { bosTokenId, eosTokenIds }: { bosTokenId: number | null; eosTokenIds: readonly number[] }) {
    this.#tokenizer = new Tokenizer(tokenizer, tokenizerConfig);
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
  return new PolicyTokenizer(read('tokenizer.json', true), read('tokenizer_config.json', false), readVlmConfig(folder).text);
}
