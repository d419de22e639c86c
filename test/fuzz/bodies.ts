/** Foreign JSON, near to what is asked for and far from it, for property tests and the fuzz bench. */
import fc from 'fast-check';

/** A value of the right form, or, now and then, anything. */
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue() });

/** An object with these fields, each mostly right, some missing. */
const record = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  mostly(
    fc.record(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, mostly(value)])), {
      requiredKeys: [],
    }),
  );

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
