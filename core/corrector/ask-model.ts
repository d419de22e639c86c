/** One request to a model behind OpenAI's chat completions. */
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import type { RunConfig } from '../../configs/schema.ts';
import { type Completion, readCompletion } from './completion.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { isContentFilter, rateLimitState, toTeacherError } from './openai-errors.ts';
import { type RateLimitState, TeacherError } from './teacher.ts';

/** An answer, and what the account has left. A prompt that the content filter refuses counts as an answer. */
export type ModelReply = { answer: Completion | 'contentFilter'; rateLimit: RateLimitState };

/** A request with the configured model, length and temperature. */
export function modelRequest(
  { model, temperature, maxTokens, maxTokensField }: RunConfig['corrector']['openai'],
  messages: ChatCompletionMessageParam[],
) {
  return { model, messages, [maxTokensField]: maxTokens, ...(temperature !== null && { temperature }) };
}

/** Throws `TeacherError` if there is no answer, or the signal's reason. */
export async function askModel(
  { client, secrets }: OpenAIConnection,
  request: ChatCompletionCreateParamsNonStreaming,
  timeoutSeconds: number,
  signal?: AbortSignal,
): Promise<ModelReply> {
  // The client's own timeout covers only the headers; the body could take forever.
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const { data, response } = await client.chat.completions
      .create(request, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
      .withResponse();
    return { answer: readCompletion(data), rateLimit: rateLimitState(response.headers) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TeacherError) throw error;
    if (isContentFilter(error))
      return { answer: 'contentFilter', rateLimit: { remainingRequests: null, remainingTokens: null } };
    throw timeout.aborted
      ? new TeacherError(
          'timeout',
          `The corrector's server did not answer within ${timeoutSeconds} seconds (corrector.openai.timeoutSeconds).`,
        )
      : toTeacherError(error, secrets);
  }
}
