/** Wording of the questions about a thought: one data file per environment; users can bring their own. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../configs/schema.ts';
import { BUILT_IN_MODULES } from '../envs/plug-in.ts';
import { plugIn } from '../envs/registry.ts';
import type { PromptTemplate } from '../policy/prompt-template.ts';
import { examplesText, exampleSchema } from './prompt-examples.ts';

/** Environments with a built-in prompt. */
export const CORRECTOR_PROMPTS = [
  'points24',
  'ezpoints',
  'numberline',
  'blackjack',
  'alfworld',
  ...BUILT_IN_MODULES,
] as const;

const text = z.union([z.string(), z.array(z.string()).transform((lines) => lines.join('\n'))]);
const containing = (mark: string) => text.refine((value) => value.includes(mark), `must contain ${mark}`);

const promptSchema = z.strictObject({
  environment: z.string(),
  /** Raised with every change of the wording; part of the ledger key, as is a hash of the text. */
  version: z.int().min(1),
  /**
   * The constant part, first in every request: rules, {questions}, how to judge, {form} of a thought and what its
   * {words} mean, {examples}.
   */
  system: containing('{questions}').refine((value) => value.includes('{form}'), 'must contain {form}'),
  /** Asked in this order, numbered. */
  questions: z.array(z.string()).min(1),
  /** The meaning of the placeholders of thought templates; only those in the form are explained. */
  words: z.record(z.string(), z.string()).default({}),
  /** Placeholders that stand for a list of texts. */
  lists: z.array(z.string()).default([]),
  /** Worked examples, which replace {examples}. */
  examples: z.array(exampleSchema).default([]),
  /**
   * The part that varies between requests, before the picture: {thought}, {action}, {target} and the environment's
   * prompt values.
   */
  request: containing('{thought}'),
  /** Text for {target} while there is no target formula. */
  noTarget: z.string().default('none yet'),
});

export type CorrectorPrompt = z.output<typeof promptSchema>;

/**
 * The environment's own prompt (from a user's module), or one named in core/corrector/prompts or by path. Throws
 * `ConfigError`.
 */
export function loadCorrectorPrompt(environment: string, nameOrPath: string | null = null): CorrectorPrompt {
  const module = plugIn(environment);
  const title = module?.title ?? environment;
  if (nameOrPath === null && module !== null) {
    if (module.correctorPrompt === undefined)
      throw new ConfigError(
        `corrector.openai.prompt: ${environment} has no \`correctorPrompt\`; add one to its module, or ` +
          'name a file (docs/environments.md).',
      );
    const own = { version: 1, ...(module.correctorPrompt as object), environment };
    return parseConfig(promptSchema, own, `${module.file}: correctorPrompt`);
  }
  const isPath = nameOrPath !== null && /[/\\]|\.json$/.test(nameOrPath);
  const file = isPath
    ? path.resolve(nameOrPath)
    : path.join(import.meta.dirname, 'prompts', `${nameOrPath ?? environment}.json`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError(
      `corrector.openai.prompt: cannot read ${file} (${(error as Error).message}); name a file of ` +
        'core/corrector/prompts or a path.',
    );
  }
  const prompt = parseConfig(promptSchema, json, file);
  if (prompt.environment !== title)
    throw new ConfigError(
      `corrector.openai.prompt: ${file} is for environment ${prompt.environment}, not ${title}; choose ` +
        `another prompt.`,
    );
  return { ...prompt, environment };
}

/** A thought key whose value is a list of texts in this wording. */
export function isListKey(prompt: Pick<CorrectorPrompt, 'lists'>, { thought }: PromptTemplate, key: string): boolean {
  return prompt.lists.some((name) => thought[key] === `{${name}}`);
}

/** The constant part of every request of a run. */
export function systemText(prompt: CorrectorPrompt, template: PromptTemplate): string {
  const form = JSON.stringify(
    Object.fromEntries(
      template.keys.map((key) => [key, key === 'action' ? '{next}' : (template.thought[key] ?? '...')]),
    ),
  );
  const used = Object.entries(prompt.words).filter(([name]) => form.includes(`{${name}}`));
  return fillKnown(prompt.system, {
    questions: prompt.questions.map((question, index) => `${index + 1}. ${question}`).join('\n'),
    form,
    words: used.map(([name, meaning]) => `{${name}}: ${meaning}`).join('\n'),
    examples: examplesText(prompt.examples, prompt.environment, template, (values) =>
      requestText(prompt, { ...values, target: prompt.noTarget }),
    ),
  });
}

/** The text of one request. */
export function requestText(prompt: CorrectorPrompt, values: Readonly<Record<string, string>>): string {
  return fillKnown(prompt.request, values);
}

/** Replaces the placeholders that `values` names; other braces belong to the text. */
function fillKnown(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
