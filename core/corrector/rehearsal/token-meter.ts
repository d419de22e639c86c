/** Counts the tokens of an exchange as a provider would, by length. */
import { imageTokens } from '../prices.ts';
import { type ChatRequest, isInvitation } from './read-request.ts';

/** As completions report it. */
export type CompletionUsage = {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
};

/** Smallest prompt prefix that the provider caches, and the steps in which it counts. */
const SMALLEST_CACHED = 1024;
const CACHE_STEP = 128;
const CHARACTERS_PER_TOKEN = 4;
/** The assumed size of pictures, in pixels. */
const IMAGE_SIZE = 300;

/** The constant prefix of a request (tools, answer form, system text) is cached once it has been seen. */
export class TokenMeter {
  readonly #seen = new Set<string>();

  usage(request: ChatRequest, output: string): CompletionUsage {
    const { tools, response_format: format, messages, model } = request;
    const [system, others] = isInvitation(request) ? [null, messages] : [messages[0], messages.slice(1)];
    const prefix = JSON.stringify([tools, format, system]);
    const prefixTokens = Math.floor(prefix.length / CHARACTERS_PER_TOKEN);
    const isCached = this.#seen.has(prefix);
    if (prefixTokens >= SMALLEST_CACHED) this.#seen.add(prefix);
    let characters = prefix.length;
    let pictures = 0;
    for (const { content, tool_calls: calls } of others) {
      const parts =
        typeof content === 'string'
          ? [content]
          : (content ?? []).flatMap((part) => (part.type === 'text' ? part.text : (pictures++, [])));
      characters += parts.join('').length + (calls ? JSON.stringify(calls).length : 0);
    }
    const promptTokens =
      Math.ceil(characters / CHARACTERS_PER_TOKEN) + pictures * imageTokens(model, IMAGE_SIZE, 'auto');
    const completionTokens = Math.ceil(output.length / CHARACTERS_PER_TOKEN);
    const cachedTokens = isCached ? prefixTokens - (prefixTokens % CACHE_STEP) : 0;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    };
  }
}
