/** Where chat templates are found, and how prompts are put into them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { applyChatTemplate, readChatTemplate } from '../../core/policy/chat-template.ts';
import { CheckpointError } from '../../core/policy/checkpoint/errors.ts';
import { pieceTokenizer } from '../../core/policy/piece-tokenizer.ts';
import { loadTokenizer, PolicyTokenizer } from '../../core/policy/tokenizer.ts';
import { checkpointFolder } from './checkpoint/checkpoint-folder.ts';

const special = { bos_token: '<s>', eos_token: '</s>' };
const parts =
  "{{ bos_token }}USER: {% for part in messages[0]['content'] %}{{ '<image>' if part['type'] == 'image' else " +
  "part['text'] }}{% endfor %} ASSISTANT:";
const text = "[INST] {{ messages[0]['content'] }} [/INST]";

test('templates for parts and templates for text take the same prompt', (t) => {
  t.is(applyChatTemplate(parts, '<image>play', special), '<s>USER: <image>play ASSISTANT:');
  t.is(applyChatTemplate(parts, 'look: <image>\nplay', special), '<s>USER: look: <image>\nplay ASSISTANT:');
  t.is(applyChatTemplate(text, '<image>play', special), '[INST] <image>play [/INST]');
});

for (const [what, template, message] of [
  ['does not parse', '{% for %}', /chat template cannot be read .*; fix chat_template\.jinja/],
  ['throws', "{{ raise_exception('no users here') }}", /cannot be applied \(no users here\)/],
  ['loses the prompt', 'hello <image>', /does not keep the prompt with one <image>/],
  ['loses the image', "{{ messages[0]['content'][1]['text'] }}", /does not keep the prompt with one <image>/],
] as const) {
  test(`a template that ${what} is refused in one sentence`, (t) => {
    const error = t.throws(() => applyChatTemplate(template, '<image>play', special), {
      instanceOf: CheckpointError,
      message,
    });
    t.notRegex(error.message, /\n/);
  });
}

test('a template is found in every place where transformers keeps it, and in its order', (t) => {
  const locations = {
    'processor_config.json': { processor_class: 'LlavaProcessor', chat_template: 'in the processor' },
    'chat_template.json': { chat_template: 'in JSON' },
    'chat_template.jinja': 'in Jinja',
  };
  const tokenizer = { chat_template: 'in the tokenizer' };
  const order = ['in the processor', 'in JSON', 'in Jinja', 'in the tokenizer'];
  for (const [index, expected] of order.entries()) {
    const files = Object.fromEntries(Object.entries(locations).slice(index));
    t.is(readChatTemplate(checkpointFolder(t, files), tokenizer), expected);
  }
  t.is(
    readChatTemplate(checkpointFolder(t, { 'processor_config.json': { chat_template: null } }), tokenizer),
    'in the tokenizer',
  );
  t.is(readChatTemplate(checkpointFolder(t, {}), {}), null);
});

test('of several templates by name, in every form and place, the default one is taken', (t) => {
  const list = [
    { name: 'tool_use', template: parts },
    { name: 'default', template: text },
  ];
  for (const chat_template of [list, { tool_use: parts, default: text }]) {
    t.is(readChatTemplate(checkpointFolder(t, {}), { chat_template }), text);
    for (const file of ['processor_config.json', 'chat_template.json'])
      t.is(readChatTemplate(checkpointFolder(t, { [file]: { chat_template } }), {}), text);
  }
});

test('existing templates are not dropped silently', (t) => {
  const read = (files: object, tokenizer = {}) => {
    const folder = checkpointFolder(t, files as Record<string, object | string>);
    return t.throws(() => readChatTemplate(folder, tokenizer), { instanceOf: CheckpointError }).message;
  };
  const others = { tool_use: text, rag: parts };
  t.regex(
    read({ 'processor_config.json': { chat_template: others } }),
    /processor_config\.json has chat templates \(tool_use, rag\), but none called "default"; put/,
  );
  t.regex(read({}, { chat_template: [{ name: 'rag', template: text }] }), /tokenizer_config\.json has .* \(rag\)/);
  t.regex(read({ 'chat_template.json': {} }), /chat_template\.json: chat_template: /);
  t.regex(read({}, { chat_template: 3 }), /tokenizer_config\.json: chat_template: /);
  const folder = checkpointFolder(t, {});
  mkdirSync(path.join(folder, 'additional_chat_templates'));
  writeFileSync(path.join(folder, 'additional_chat_templates', 'rag.jinja'), text);
  t.throws(() => readChatTemplate(folder, {}), { message: /additional_chat_templates has .* \(rag\.jinja\)/ });
  t.is(readChatTemplate(folder, { chat_template: text }), text);
});

const image = (id: number, tokensEach: number) => ({ mark: '<image>', text: '<image>', tokensEach, id });

test('prompts of a folder: image ids instead of the mark, one begin of sequence', (t) => {
  const pieces = ['USER: ', ' ASSISTANT:', 'play'];
  const folder = (files: object) =>
    loadTokenizer(checkpointFolder(t, { 'config.json': true, 'tokenizer.json': pieceTokenizer(pieces), ...files }));
  // ids: 0 <pad>, 1 <s>, 2 </s>, 3 <image>, then the pieces
  t.deepEqual(folder({ 'chat_template.jinja': parts }).chatPromptIds('<image>play', image(9, 2)), [1, 4, 9, 9, 6, 5]);
  t.deepEqual(folder({}).chatPromptIds('<image>play', image(9, 2)), [1, 9, 9, 6]);
  t.throws(() => folder({}).chatPromptIds('play', image(9, 1)), {
    instanceOf: CheckpointError,
    message: /must hold <image> once/,
  });
  // Without a token for the image, the texts around it are encoded apart.
  const bare = pieceTokenizer(pieces) as { added_tokens: { content: string }[] };
  const other = { ...bare, added_tokens: bare.added_tokens.filter(({ content }) => content !== '<image>') };
  t.deepEqual(
    new PolicyTokenizer(other, {}, { bosTokenId: 1, eosTokenIds: [2] }, parts).chatPromptIds(
      '<image>play',
      image(0, 2),
    ),
    [1, 4, 0, 0, 6, 5],
  );
});

test('tokenizer files that cannot be used are named', (t) => {
  const open = (files: Record<string, object | string>) => () =>
    loadTokenizer(checkpointFolder(t, { 'config.json': true, ...files }));
  const pieces = pieceTokenizer(['1']) as { added_tokens: object[] };
  const added = (changed: object) => ({ ...pieces, added_tokens: [{ ...pieces.added_tokens[0], ...changed }] });
  t.throws(open({ 'tokenizer.json': added({ id: '7' }) }), {
    instanceOf: CheckpointError,
    message: /tokenizer\.json: added_tokens\.0\.id: .*\(it is "7"\)/,
  });
  t.throws(open({ 'tokenizer.json': added({ content: '' }) }), { message: /added_tokens\.0\.content/ });
  t.throws(open({}), {
    instanceOf: CheckpointError,
    message: /There is no .*tokenizer\.json; .*needs its tokenizer\.json/,
  });
  t.throws(open({ 'tokenizer.model': 'x' }), {
    instanceOf: CheckpointError,
    message: /has tokenizer\.model but no tokenizer\.json; convert it once/,
  });
  t.throws(open({ 'tokenizer.json': '{' }), { instanceOf: CheckpointError, message: /tokenizer\.json cannot be read/ });
  t.throws(open({ 'tokenizer.json': { model: {} } }), {
    instanceOf: CheckpointError,
    message: /tokenizer\.json cannot be used/,
  });
});
