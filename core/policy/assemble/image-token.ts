/** Adds the image token to a text model's tokenizer and chat template. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { IMAGE_MARK, readChatTemplate } from '../chat-template.ts';
import { checkConfig, readJson } from '../checkpoint/check-config.ts';

/** Tokenizer files that contain the image token, by name, and its id. */
export type ImageTokenizer = { imageTokenId: number; files: Record<string, object | string> };

const addedToken = z.looseObject({ id: z.int().min(0), content: z.string() });
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  model: z.looseObject({
    /** By text, or in the order of ids. */
    vocab: z.union([z.record(z.string(), z.int()), z.array(z.tuple([z.string(), z.number()]))]),
  }),
});

/**
 * The tokenizer of a language model's folder, with the image token that it has, or a new one at the next id. Throws
 * `CheckpointError`.
 */
export function withImageToken(folder: string): ImageTokenizer {
  const file = path.join(folder, 'tokenizer.json');
  const tokenizer = checkConfig(tokenizerSchema, readJson(file, 'a language model needs its tokenizer.json'), file);
  const { added_tokens: added } = tokenizer;
  const { vocab } = tokenizer.model;
  const ids = new Map(Array.isArray(vocab) ? vocab.map(([text], id) => [text, id]) : Object.entries(vocab));
  for (const { id, content } of added) ids.set(content, id);
  let next = 0;
  for (const id of ids.values()) next = Math.max(next, id + 1);
  const imageTokenId = ids.get(IMAGE_MARK) ?? next;
  const token = { content: IMAGE_MARK, single_word: false, lstrip: false, rstrip: false, normalized: false };
  const addedTokens = [
    ...added.filter(({ content }) => content !== IMAGE_MARK),
    { id: imageTokenId, ...token, special: true },
  ].sort((a, b) => a.id - b.id);

  const configFile = path.join(folder, 'tokenizer_config.json');
  const configSchema = z.looseObject({ added_tokens_decoder: z.record(z.string(), z.unknown()).optional() });
  const { chat_template: stated, ...config } = checkConfig(
    configSchema,
    existsSync(configFile) ? readJson(configFile, 'fetch it again') : {},
    configFile,
  );
  const template = readChatTemplate(folder, { chat_template: stated });
  const decoder = config.added_tokens_decoder;
  return {
    imageTokenId,
    files: {
      'tokenizer.json': { ...tokenizer, added_tokens: addedTokens },
      'tokenizer_config.json': {
        ...config,
        ...(decoder !== undefined && {
          added_tokens_decoder: { ...decoder, [imageTokenId]: { ...token, special: true } },
        }),
        extra_special_tokens: { ...namedTokens(config.extra_special_tokens), image_token: IMAGE_MARK },
      },
      ...(template !== null && { 'chat_template.jinja': withImageParts(template) }),
    },
  };
}

/** Older files list them without names; the tokens themselves are in tokenizer.json. */
function namedTokens(tokens: unknown): object {
  return typeof tokens === 'object' && tokens !== null && !Array.isArray(tokens) ? tokens : {};
}

/**
 * Extends a chat template that takes a message's content as text so that it also takes parts: images become the image
 * mark, texts are joined.
 */
function withImageParts(template: string): string {
  return `{%- set parted = namespace(messages=[]) -%}
{%- for message in messages -%}
  {%- if message['content'] is string -%}
    {%- set parted.messages = parted.messages + [message] -%}
  {%- else -%}
    {%- set joined = namespace(text='') -%}
    {%- for part in message['content'] -%}
      {%- set joined.text = joined.text + ('${IMAGE_MARK}' if part['type'] == 'image' else part['text']) -%}
    {%- endfor -%}
    {%- set parted.messages = parted.messages + [{'role': message['role'], 'content': joined.text}] -%}
  {%- endif -%}
{%- endfor -%}
{%- set messages = parted.messages -%}
${template}`;
}
