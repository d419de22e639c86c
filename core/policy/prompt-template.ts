/**
 * Prompt templates: the wording of one environment as data, so that a checkpoint trained on another wording can use its
 * own.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../configs/schema.ts';
import { plugIn } from '../envs/registry.ts';

const templateSchema = z.strictObject({
  /** Environment whose `promptValues()` fill the placeholders. */
  environment: z.string(),
  /** Text around the image mark `<image>`; `{name}` is replaced by a prompt value. */
  prompt: z.string().refine((text) => text.split('<image>').length === 2, 'must contain the image mark <image> once'),
  /** Wrap the prompt in the checkpoint's own chat template. */
  chat: z.boolean().default(true),
  /**
   * Pads (right) or trims (left) the text after the image to a fixed number of tokens, so that all prompts of a small
   * model have one length.
   */
  fixedLength: z
    .strictObject({ tokens: z.int().min(1), pad: z.string() })
    .nullable()
    .default(null),
  /** Keys of a well-formed response, in order; the last one is `action`. */
  keys: z
    .array(z.string())
    .min(2)
    .refine((keys) => keys.at(-1) === 'action', 'must end with "action"'),
  /**
   * How a thought about a target is worded: one template per thought key. Placeholders: see
   * core/corrector/solver-thought.ts.
   */
  thought: z.record(z.string(), z.string()),
  /**
   * How earlier steps are worded in front of the prompt (`prompt.history: "text"`). Placeholders of `step`: {number},
   * {observation} (all prompt values), {answer}, {action}, and the prompt values by name.
   */
  past: z
    .strictObject({
      title: z.string().default('What happened before, the oldest step first:\n'),
      step: z.string().default('{number}. You saw: {observation}\nYou answered: {answer}\n'),
    })
    .prefault({}),
});

export type PromptTemplate = z.infer<typeof templateSchema>;

/**
 * The template of a name in core/policy/prompts or a path; null: the environment's own, from its module. `environment`:
 * as a configuration names it. Throws `ConfigError`.
 */
export function loadPromptTemplate(nameOrPath: string | null, environment: string): PromptTemplate {
  const module = plugIn(environment);
  const name = module?.title ?? environment;
  if (module !== null && (nameOrPath === null || nameOrPath === name))
    return parseConfig(templateSchema, { environment: name, ...(module.prompt as object) }, `${module.file}: prompt`);
  const asked = nameOrPath ?? name;
  const file = /[/\\]|\.json$/.test(asked)
    ? path.resolve(asked)
    : path.join(import.meta.dirname, 'prompts', `${asked}.json`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError(
      `model.prompt: cannot read the prompt template ${file} (${(error as Error).message}); name a file of ` +
        `core/policy/prompts or a path.`,
    );
  }
  const template = parseConfig(templateSchema, content, file);
  if (template.environment !== name)
    throw new ConfigError(
      `model.prompt: ${file} is for environment ${template.environment}, not ${name}; choose another template.`,
    );
  return template;
}

/** Keys of a thought: all but the action, in order. */
export function thoughtKeys({ keys }: Pick<PromptTemplate, 'keys'>): string[] {
  return keys.filter((key) => key !== 'action');
}

/** Replaces `{name}` by `values[name]`; an unknown name is an error of the template. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (!(name in values))
      throw new ConfigError(
        `Prompt template: no value for {${name}}; known are ${Object.keys(values).sort().join(', ')}.`,
      );
    return values[name];
  });
}
