/** The tokenizer of a built-in model: a list of texts that are one token each, matched longest first. */
import { CheckpointError } from './checkpoint/errors.ts';

/** The first tokens, by id: padding, begin and end. */
export const END_TOKENS = ['<pad>', '<s>', '</s>'] as const;

/**
 * A `tokenizer.json` that the tokenizers library reads the same in every language: the pieces are added tokens over an
 * empty BPE model, matched longest first and joined without spaces. A character that no piece holds becomes `<pad>`.
 * `END_TOKENS` and those of the `image` come before them. Throws `CheckpointError` for a repeated piece.
 */
export function pieceTokenizer(pieces: readonly string[], image: readonly string[] = ['<image>']): object {
  const reserved = [...END_TOKENS, ...image];
  const added = (content: string, id: number, special: boolean) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special,
  });
  const vocabulary = [...reserved, ...pieces];
  const twice = vocabulary.find((text, id) => text === '' || vocabulary.indexOf(text) !== id);
  if (twice !== undefined)
    throw new CheckpointError(
      `model.pieces: ${JSON.stringify(twice)} is empty, repeated, or a special token; name every piece once`,
    );
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: vocabulary.map((text, id) => added(text, id, id < reserved.length)),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<pad>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: { '<pad>': 0 },
      merges: [],
    },
  };
}
