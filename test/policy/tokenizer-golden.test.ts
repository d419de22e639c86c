/**
 * Tokenizers of every kind that checkpoints have, against the tokenizers library and transformers
 * (scripts/golden/small-tokenizers.py).
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { CheckpointError } from '../../core/policy/checkpoint/errors.ts';
import { pieceTokenizer } from '../../core/policy/piece-tokenizer.ts';
import { PolicyTokenizer } from '../../core/policy/tokenizer.ts';

type Golden = {
  name: string;
  tokenizer: { added_tokens: { content: string }[] };
  pieces?: string[];
  cases: { text: string; ids: number[]; decoded: string }[];
  splits: { ids: number[]; text: string; thoughtTokens: number }[];
  chats: { name: string; template: string; prompt: string; ids: number[] }[];
};
const read = (file: string): unknown => JSON.parse(readFileSync(path.resolve(import.meta.dirname, file), 'utf8'));
const golden = read('../golden/tokenizers.json') as Golden[];
const config = { unk_token: '<unk>' };
const ids = { bosTokenId: 1, eosTokenIds: [2] };

const image = { mark: '<image>', text: '<image>', tokensEach: 3, id: 3 };

for (const { name, tokenizer: content, cases, splits, chats } of golden) {
  const tokenizer = new PolicyTokenizer(content, config, ids);

  test(`${name}: ids and texts are those of the library`, (t) => {
    for (const { text, ids, decoded } of cases) {
      t.deepEqual(tokenizer.encode(text), ids, text);
      t.is(tokenizer.decode(ids), decoded, text);
    }
  });

  test(`${name}: responses are split where the library's own prefixes reach the action key`, (t) => {
    t.true(
      splits.some(
        ({ text, ids, thoughtTokens }) => text.includes('"action":') && thoughtTokens > 0 && thoughtTokens < ids.length,
      ),
    );
    for (const { ids, text, thoughtTokens } of splits)
      t.deepEqual(tokenizer.splitResponse(ids), { text, thoughtTokens });
  });

  test(`${name}: offsets divide the text, and agree with splitting`, (t) => {
    const known = [...new Set(cases.flatMap(({ ids }) => ids))];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(...splits.map(({ ids }) => ids)),
          fc.array(fc.constantFrom(...known, 2), { maxLength: 30 }),
        ),
        (ids) => {
          const { text, offsets } = tokenizer.decodeWithOffsets(ids);
          t.is(text, tokenizer.decode(ids));
          t.is(offsets.map(([start, end]) => text.slice(start, end)).join(''), text);
          const key = text.lastIndexOf('"action":');
          if (key >= 0)
            t.is(
              tokenizer.splitResponse(ids).thoughtTokens,
              offsets.findIndex(([start, end]) => start <= key && key < end),
            );
        },
      ),
    );
  });

  for (const { name: kind, template, prompt, ids: expected } of chats) {
    test(`${name}: prompts in the chat template of ${kind} are transformers'`, (t) => {
      t.deepEqual(new PolicyTokenizer(content, config, ids, template).chatPromptIds(prompt, image), expected);
    });
  }
}

test('a vocabulary can say what comes back from it, spaces aside', (t) => {
  const thought = '{"cards":["A","10"],"thoughts":"Step by step: 10-4=6  left \\"6\\"","action":"("}';
  const say = (text: string) =>
    Object.fromEntries(
      golden.map(({ name, tokenizer }) => [name, new PolicyTokenizer(tokenizer, config, ids).canSay(text)]),
    );
  // Real vocabularies fall back to bytes; a list of words or pieces has nothing for other text.
  t.deepEqual(say(thought), {
    'byte level': true,
    llama: true,
    'llama, metaspace': true,
    'word level': false,
    pieces: false,
  });
  t.deepEqual(say('\u2603'), say(thought));
});

test('pieces: the recorded tokenizer is the one that is made of its pieces', (t) => {
  const { tokenizer, pieces, cases } = golden.find(({ name }) => name === 'pieces')!;
  const made = new PolicyTokenizer(pieceTokenizer(pieces!), {}, ids);
  for (const { text, ids, decoded } of cases) t.deepEqual([made.encode(text), made.decode(ids)], [ids, decoded]);
  const texts = (content: object) => (content as Golden['tokenizer']).added_tokens.map(({ content }) => content);
  t.deepEqual(texts(pieceTokenizer(pieces!)), texts(tokenizer));
});

test('pieces: each is named once', (t) => {
  for (const pieces of [['a', 'b', 'a'], ['</s>'], ['']])
    t.throws(() => pieceTokenizer(pieces), {
      instanceOf: CheckpointError,
      message: /^model\.pieces: .*; name every piece once$/,
    });
});

test('a character that several tokens make belongs to the last of them', (t) => {
  const tokenizer = new PolicyTokenizer(golden.find(({ name }) => name === 'llama')!.tokenizer, config, ids);
  const encoded = tokenizer.encode('a🂡b');
  const { text, offsets } = tokenizer.decodeWithOffsets(encoded);
  t.is(text, 'a🂡b');
  // the blank in front that decoding takes away, a, four bytes of one character (two UTF-16 units), b
  t.deepEqual(offsets, [
    [0, 0],
    [0, 1],
    [1, 1],
    [1, 1],
    [1, 1],
    [1, 3],
    [3, 4],
  ]);
});
