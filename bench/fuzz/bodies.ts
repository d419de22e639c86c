/** Bodies from chat-completions servers, both plausible and far from it. */
import fc from 'fast-check';
import { record } from './spoil.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('', '{}', '{"action": "x"}', '<html>', '</think>', '\ud800'));
const counts = fc.oneof(fc.nat(), fc.string(), fc.double(), fc.constant('12'));

/** Bodies of chat completions. */
export const completionBodies = fc.oneof(
  fc.string(),
  record({
    choices: fc.array(
      record({
        finish_reason: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter', null),
        message: record({
          content: fc.oneof(text, fc.array(record({ type: fc.constantFrom('text', 'image_url'), text }))),
          refusal: fc.oneof(text, fc.constant(null)),
          tool_calls: fc.array(record({ id: text, function: record({ name: text, arguments: text }) })),
        }),
      }),
      { maxLength: 3 },
    ),
    usage: record({
      prompt_tokens: counts,
      completion_tokens: counts,
      prompt_tokens_details: record({ cached_tokens: counts }),
    }),
    error: record({ message: text, code: text }),
  }),
);
