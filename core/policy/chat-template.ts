/** A checkpoint's own chat template, which wraps a prompt with one image as its instruction tuning did. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { readJson } from './checkpoint/check-config.ts';
import { CheckpointError } from './checkpoint/errors.ts';

/** Stands for the image in prompts and in rendered templates. */
export const IMAGE_MARK = '<image>';

/**
 * The template of a checkpoint folder, in any of the places where transformers keeps it; null where there is none.
 * Throws `CheckpointError`.
 */
export function readChatTemplate(folder: string, tokenizerConfig: { chat_template?: unknown }): string | null {
  const plain = path.join(folder, 'chat_template.jinja');
  if (existsSync(plain)) return readFileSync(plain, 'utf8');
  const wrapped = path.join(folder, 'chat_template.json');
  const { chat_template: template } = existsSync(wrapped)
    ? (readJson(wrapped, 'fetch it again') as { chat_template?: unknown })
    : tokenizerConfig;
  // Several templates, by name: the default one is for conversations.
  const chosen: unknown = Array.isArray(template)
    ? (template as { name?: string; template?: unknown }[]).find(({ name }) => name === 'default')?.template
    : template;
  if (chosen === undefined || chosen === null) return null;
  if (typeof chosen !== 'string')
    throw new CheckpointError(`${folder}: chat_template is no text; fetch the tokenizer files again`);
  return chosen;
}

/** Texts of the special tokens that templates write. */
export type SpecialTexts = { bos_token: string; eos_token: string };

/**
 * The prompt as a user's only turn, the template's invitation to answer behind it. Throws `CheckpointError` when the
 * template cannot be used.
 */
export function applyChatTemplate(source: string, prompt: string, special: SpecialTexts): string {
  const [before, after] = prompt.split(IMAGE_MARK);
  const parts = [{ type: 'text', text: before }, { type: 'image' }, { type: 'text', text: after }].filter(
    ({ text }) => text !== '',
  );
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw new CheckpointError(
      `The checkpoint's chat template cannot be read (${(error as Error).message}); mend chat_template.jinja, or ` +
        `use a prompt template with "chat": false`,
    );
  }
  const render = (content: unknown): string | Error => {
    try {
      return template.render({ messages: [{ role: 'user', content }], add_generation_prompt: true, ...special });
    } catch (error) {
      return error as Error;
    }
  };
  const complete = (text: string | Error): text is string =>
    typeof text === 'string' &&
    text.split(IMAGE_MARK).length === 2 &&
    [before, after].every((part) => text.includes(part.trim()));
  // Templates of text models take a message's content as one text.
  const attempts = [parts, prompt].map(render);
  const rendered = attempts.find(complete);
  if (rendered !== undefined) return rendered;
  const reason =
    attempts[0] instanceof Error ? attempts[0].message : `it does not keep the prompt with one ${IMAGE_MARK}`;
  throw new CheckpointError(
    `The checkpoint's chat template cannot be applied (${reason}); mend chat_template.jinja, or use a prompt ` +
      `template with "chat": false`,
  );
}
