import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { readSingleAction } from '../../core/envs/read-action.ts';
import { pieceTokenizer } from '../../core/policy/piece-tokenizer.ts';
import { lastActionKey, parseResponse, renderResponse } from '../../core/policy/response.ts';
import { PolicyTokenizer } from '../../core/policy/tokenizer.ts';

const { model } = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../../configs/sft-points24-tiny.json'), 'utf8'),
) as { model: { pieces: string[] } };
const tokenizer = new PolicyTokenizer(pieceTokenizer(model.pieces), {}, { bosTokenId: 1, eosTokenIds: [2] });
const response =
  '{"cards":["4","K","8","10"],"formula":"10+","thoughts":"numbers 4 8 10 10 10+10=20 reach 10+10+8-4 append ' +
  '10","action":"10"}';

test('any sequence of pieces survives encoding and decoding', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...model.pieces), { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      return tokenizer.decode(tokenizer.encode(text)) === text;
    }),
  );
  t.pass();
});

test('a step that splits digits takes every numeric character for one, as in Rust', (t) => {
  // Bytes 20, C2, BD ("½") in the letters that byte-level tokenizers write for them, and two merges over the border.
  const vocab = { Ġ: 0, Â: 1, '½': 2, ĠÂ: 3, 1: 4, Ġ1: 5 };
  const digits = (individual: boolean) =>
    new PolicyTokenizer(
      {
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [
            { type: 'Digits', individual_digits: individual },
            { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
          ],
        },
        post_processor: null,
        decoder: { type: 'ByteLevel' },
        model: { type: 'BPE', vocab, merges: ['Ġ Â', 'Ġ 1'] },
      },
      {},
      { bosTokenId: null, eosTokenIds: [0] },
    );
  t.deepEqual(digits(true).encode(' ½ 11'), [0, 1, 2, 0, 4, 4]);
  t.deepEqual(digits(false).encode(' 1½'), [0, 4, 1, 2]);
});

test('the longest piece wins, special tokens are not in the text', (t) => {
  t.is(tokenizer.encode('10').length, 1);
  t.is(tokenizer.encode(' 24').length, 1);
  t.is(tokenizer.decode([1, ...tokenizer.encode('10+'), 2]), '10+');
});

test('a letter that the vocabulary has no word for is no id, also where it has none for "unknown"', (t) => {
  const pieces = pieceTokenizer(model.pieces) as { model: object };
  const without = { ...pieces, model: { ...pieces.model, unk_token: '' } };
  const unknown = new PolicyTokenizer(without, {}, { bosTokenId: 1, eosTokenIds: [2] });
  t.deepEqual(unknown.encode('1é0'), [...unknown.encode('1'), ...unknown.encode('0')]);
  t.false(unknown.canSay('1é0'));
});

test('a response is split before the token that holds the opening quote of the last action key', (t) => {
  const ids = [...tokenizer.encode(response), 2];
  const { text, thoughtTokens } = tokenizer.splitResponse(ids);
  t.is(text, response);
  t.is(tokenizer.decode(ids.slice(0, thoughtTokens)), response.slice(0, response.indexOf('","action":')));
});

test('without an action key the last four tokens are the action part', (t) => {
  t.is(tokenizer.splitResponse(tokenizer.encode('1+2+3')).thoughtTokens, 1);
  t.is(tokenizer.splitResponse(tokenizer.encode('1+')).thoughtTokens, 0);
  t.deepEqual(tokenizer.splitResponse([]), { text: '', thoughtTokens: 0 });
});

const keys = ['cards', 'formula', 'thoughts', 'action'];

test('well-formed responses parse to their thought, and render back', (t) => {
  const { thought, actionText } = parseResponse(response, keys, true);
  t.deepEqual(thought?.cards, ['4', 'K', '8', '10']);
  t.is(actionText, '"10"}');
  t.is(renderResponse(thought!, '10', keys), response);
});

test(
  'a response that is cut off, lacks a key, or has another one is malformed, ' + 'and its action can still be read',
  (t) => {
    t.is(parseResponse(response, keys, false).thought, null);
    t.is(parseResponse(response.replace('formula', 'formulas'), keys, true).thought, null);
    t.is(parseResponse(response.slice(0, -1), keys, true).thought, null);
    t.is(parseResponse(response.slice(0, -1), keys, true).actionText, '"10"');
    t.is(parseResponse('no json', keys, true).actionText, null);
  },
);

test('numbers count as their text', (t) => {
  t.deepEqual(parseResponse('{"cards":[4,5],"formula":10,"thoughts":"x","action":"="}', keys, true).thought, {
    cards: ['4', '5'],
    formula: '10',
    thoughts: 'x',
  });
});

test('answers are read as a person would: spaces, order and code blocks do not count', (t) => {
  const twoKeys = ['thoughts', 'action'];
  const read = (text: string) => parseResponse(text, twoKeys, true);
  const thought = { thoughts: 'next is 10' };
  for (const text of [
    '{"thoughts":"next is 10","action":"10"}',
    '{"thoughts" : "next is 10", "action" : "10"}',
    '{\n  "thoughts": "next is 10",\n  "action"\n: "10"\n}',
    '{"action":"10","thoughts":"next is 10"}',
    '{"action" : 10, "thoughts": "next is 10"}',
    '{"action": 10}'.replace('}', ',"thoughts":"next is 10"}'),
    '```json\n{"thoughts":"next is 10","action":"10"}\n```',
    '```\n{"thoughts":"next is 10","action": 10}```\n',
    '  {"thoughts":"next is 10","action":"10"}\n',
  ]) {
    t.deepEqual(read(text).thought, thought, text);
    t.is(readSingleAction(read(text).actionText!, /10|[1-9]|[+=]/g, ['1', '10', '+', '=']), '10', text);
  }
  // Read, but not well-formed.
  for (const text of [
    'I think: {"thoughts":"next is 10","action":"10"}',
    '```json\n{"thoughts":"next is 10","action" : "10"}',
    '{"thoughts":"+","action":"10","more":"1"}',
    '{"action" : 10, "thoughts": "1 + ',
  ]) {
    t.is(read(text).thought, null, text);
    t.is(readSingleAction(read(text).actionText!, /10|[1-9]|[+=]/g, ['1', '10', '+', '=']), '10', text);
  }
});

test('a response with spaces before the colon is split at its key', (t) => {
  t.deepEqual(lastActionKey('{"action": 1, "action"  : 2'), { start: 14, end: 25 });
  t.is(lastActionKey('{"actions": 1}'), null);
  const spaced = new PolicyTokenizer(
    pieceTokenizer(['{"thoughts":"', 'x', '", ', '"action"', ' : ', '"10"', '}']),
    {},
    {
      bosTokenId: 1,
      eosTokenIds: [2],
    },
  );
  const ids = [...spaced.encode('{"thoughts":"x", "action" : "10"}'), 2];
  t.is(spaced.splitResponse(ids).thoughtTokens, 3);
});
