/** A checkpoint's own chat template, which wraps a prompt with one image as its instruction tuning did. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { checkConfig, readJson } from './checkpoint/check-config.ts';
import { CheckpointError } from './checkpoint/errors.ts';

/** Stands for the image in prompts, and in rendered templates of most models. */
export const IMAGE_MARK = '<image>';

/** One template, or several by name, as a list or as an object. */
const templates = z.union([
  z.string(),
  z.array(z.object({ name: z.string(), template: z.string() })).min(1),
  z.record(z.string(), z.string()),
]);
const inJson = z.looseObject({ chat_template: templates });
const mayBeInJson = z.looseObject({ chat_template: templates.nullish() });

/** The name of the template for conversations, where there are several. */
const DEFAULT = 'default';

/**
 * The template of a checkpoint folder, from any of the places where transformers keeps it, in its order: the
 * processor's configuration, chat_template.json (the older form), chat_template.jinja, the tokenizer's configuration.
 * Null where there is none. Throws `CheckpointError`, also if all templates are for other purposes.
 */
export function readChatTemplate(folder: string, tokenizerConfig: object): string | null {
  const at = (name: string) => path.join(folder, name);
  const json = (name: string) => readJson(at(name), 'fetch it again');
  const processor = existsSync(at('processor_config.json'))
    ? checkConfig(mayBeInJson, json('processor_config.json'), at('processor_config.json')).chat_template
    : null;
  if (processor !== null && processor !== undefined) return chosen(processor, at('processor_config.json'));
  if (existsSync(at('chat_template.json')))
    return chosen(
      checkConfig(inJson, json('chat_template.json'), at('chat_template.json')).chat_template,
      at('chat_template.json'),
    );
  if (existsSync(at('chat_template.jinja'))) return readFileSync(at('chat_template.jinja'), 'utf8');
  const { chat_template: own } = checkConfig(mayBeInJson, tokenizerConfig, at('tokenizer_config.json'));
  if (own !== null && own !== undefined) return chosen(own, at('tokenizer_config.json'));
  const others = existsSync(at(OTHERS)) ? readdirSync(at(OTHERS)).filter((name) => name.endsWith('.jinja')) : [];
  if (others.length > 0) throw withoutDefault(at(OTHERS), others);
  return null;
}

/** Templates for other purposes (tools, documents), one a file. */
const OTHERS = 'additional_chat_templates';

function chosen(found: z.infer<typeof templates>, file: string): string {
  if (typeof found === 'string') return found;
  const byName = new Map(
    Array.isArray(found) ? found.map(({ name, template }) => [name, template]) : Object.entries(found),
  );
  const template = byName.get(DEFAULT);
  if (template === undefined) throw withoutDefault(file, [...byName.keys()]);
  return template;
}

function withoutDefault(file: string, names: readonly string[]): CheckpointError {
  return new CheckpointError(
    `${file} has chat templates (${names.join(', ')}), but none called "${DEFAULT}"; put the one for conversations ` +
      `into chat_template.jinja`,
  );
}

/** A question with its image mark, and its answer. */
export type Turn = { question: string; answer: string };

/** The content of a message: parts, or one text, as templates of text models take it. */
const FORMS = [
  {
    asked(prompt: string): unknown {
      const [before, after] = prompt.split(IMAGE_MARK);
      return [{ type: 'text', text: before }, { type: 'image' }, { type: 'text', text: after }].filter(
        ({ text }) => text !== '',
      );
    },
    said: (answer: string): unknown => [{ type: 'text', text: answer }],
  },
  { asked: (prompt: string): unknown => prompt, said: (answer: string): unknown => answer },
];

/** Texts of the special tokens that templates write. */
export type SpecialTexts = { bos_token: string; eos_token: string };

/**
 * The prompt as the last user turn, followed by the template's generation prompt; `imageMark`: what the template writes
 * for a picture. Throws `CheckpointError` when the template cannot be used.
 */
export function applyChatTemplate(
  source: string,
  prompt: string,
  special: SpecialTexts,
  imageMark: string = IMAGE_MARK,
  earlier: readonly Turn[] = [],
): string {
  const [before, after] = prompt.split(IMAGE_MARK);
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw new CheckpointError(
      `The checkpoint's chat template cannot be read (${(error as Error).message}); fix chat_template.jinja, or ` +
        `use a prompt template with "chat": false`,
    );
  }
  const render = ({ asked, said }: (typeof FORMS)[number]): string | Error => {
    try {
      const messages = [
        ...earlier.flatMap(({ question, answer }) => [
          { role: 'user', content: asked(question) },
          { role: 'assistant', content: said(answer) },
        ]),
        { role: 'user', content: asked(prompt) },
      ];
      return template.render({ messages, add_generation_prompt: true, ...special });
    } catch (error) {
      return error as Error;
    }
  };
  const complete = (text: string | Error): text is string =>
    typeof text === 'string' &&
    text.split(imageMark).length === earlier.length + 2 &&
    [before, after].every((part) => text.includes(part.trim()));
  const attempts = FORMS.map(render);
  const rendered = attempts.find(complete);
  if (rendered !== undefined) return rendered;
  const reason =
    attempts[0] instanceof Error
      ? attempts[0].message
      : `it does not keep the prompt with ${earlier.length === 0 ? 'one' : 'each'} ${imageMark}`;
  throw new CheckpointError(
    `The checkpoint's chat template cannot be applied (${reason}); fix chat_template.jinja, or use a prompt ` +
      `template with "chat": false`,
  );
}
