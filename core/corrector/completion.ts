/** Chat completions from OpenAI's or compatible servers, checked before they are kept. */
import { z } from 'zod';
import type { UnusableReason } from '../episodes/episode.ts';
import { TeacherError, type Usage } from './teacher.ts';

/** The parts of a completion that are kept: enough to continue the conversation, and to count. */
export type Completion = {
  finish: string | null;
  content: string | null;
  refused: boolean;
  toolCalls: { id: string; name: string; arguments: string }[];
  usage: Usage;
};

/** Impossible counts become 0, so that they do not void the answer. */
const count = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
  .pipe(z.int().min(0))
  .catch(0);
const usage = z
  .object({
    prompt_tokens: count.default(0),
    completion_tokens: count.default(0),
    prompt_tokens_details: z.object({ cached_tokens: count.default(0) }).catch({ cached_tokens: 0 }),
  })
  .catch({ prompt_tokens: 0, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 0 } });

/** A text, or a list of parts, of which the texts are used. */
const part = z.union([
  z.string(),
  z.object({ type: z.enum(['text', 'output_text']).optional(), text: z.string() }).transform(({ text }) => text),
  z.object({ type: z.string() }).transform(() => ''),
]);
const content = z
  .union([z.string(), z.array(part).transform((parts) => parts.join(''))])
  .nullish()
  .transform((text) => text ?? null);

const toolCall = z
  .object({
    id: z.string().default(''),
    function: z.object({
      name: z.string(),
      // Some servers send the object itself.
      arguments: z
        .union([z.string(), z.record(z.string(), z.unknown()).transform((object) => JSON.stringify(object))])
        .default(''),
    }),
  })
  .transform(({ id, function: called }) => ({ id, ...called }));

const completion = z
  .object({
    choices: z.tuple(
      [
        z.object({
          finish_reason: z.string().nullable().catch(null),
          message: z.object({
            content,
            refusal: z.unknown().optional(),
            tool_calls: z.array(toolCall).nullish(),
          }),
        }),
      ],
      z.unknown(),
    ),
    usage,
  })
  .transform(({ choices: [{ finish_reason: finish, message }], usage: used }): Completion => ({
    finish,
    content: message.content,
    refused: Boolean(message.refusal),
    toolCalls: message.tool_calls ?? [],
    usage: {
      promptTokens: used.prompt_tokens,
      cachedTokens: Math.min(used.prompt_tokens_details.cached_tokens, used.prompt_tokens),
      completionTokens: used.completion_tokens,
    },
  }));

const tokens = z.int().min(0);
const kept = z.union([
  z.literal('contentFilter'),
  z.object({
    finish: z.string().nullable(),
    content: z.string().nullable(),
    refused: z.boolean(),
    toolCalls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })),
    usage: z.object({ promptTokens: tokens, cachedTokens: tokens, completionTokens: tokens }),
  }),
]);

/** A completion from the ledger; null for one that an earlier version kept unchecked. */
export function keptCompletion(answer: unknown): Completion | 'contentFilter' | null {
  const read = kept.safeParse(answer);
  return read.success ? read.data : null;
}

/**
 * Reads the body of an answer with status 200. Throws `TeacherError`: `notFound` for a web page, `server` for anything
 * else that is not a chat completion.
 */
export function readCompletion(body: unknown): Completion {
  const read = completion.safeParse(typeof body === 'string' ? parsed(body) : body);
  if (read.success) return read.data;
  const [{ path, message }] = read.error.issues;
  throw new TeacherError(
    'server',
    `The corrector's server did not answer with a chat completion (${path.join('.') || 'the whole'}: ` +
      `${message}${errorOf(body)}).`,
  );
}

/** Some servers send JSON as another type of content. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw noApi();
  }
}

/** Whether a body looks like an answer or an error of a chat-completions server. */
export function isFromApi(body: unknown): boolean {
  return typeof body === 'object' && body !== null && ('choices' in body || 'error' in body);
}

/** The address does not belong to a chat-completions server: a person has to check it. */
export function noApi(): TeacherError {
  return new TeacherError(
    'notFound',
    "The corrector's server did not answer as OpenAI's API does, but for example with a web page; check " +
      "OPENAI_BASE_URL (it usually ends in /v1) in the corrector worker's environment.",
  );
}

/** Some servers report errors with status 200. */
function errorOf(body: unknown): string {
  const read = z.object({ error: z.object({ message: z.string() }) }).safeParse(body);
  return read.success ? `; it says: ${read.data.error.message.slice(0, 200).replace(/\s+/g, ' ')}` : '';
}

/** Why there is nothing to read; null when there is. */
export function failureOf({ finish, content: text, refused, toolCalls }: Completion): UnusableReason | null {
  if (refused) return 'refusal';
  if (finish === 'length') return 'length';
  if (finish === 'content_filter') return 'contentFilter';
  return toolCalls.length === 0 && (text === null || text.trim() === '') ? 'empty' : null;
}
