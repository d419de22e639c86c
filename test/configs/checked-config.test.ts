/**
 * Workflows read a configuration without zod, with the same result as zod: the same values, or the same first fault in
 * the same words; how many more there are is counted differently.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { checkedRunConfig, checkedSftConfig } from '../../configs/checked-config.ts';
import { withField } from '../../configs/live-settings.ts';
import { parseConfig, runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';

const folder = path.resolve(import.meta.dirname, '../../configs');
const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Record<string, unknown>;
const files = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'));
const isSft = (name: string) => name.startsWith('sft-');

/** The result of a way of reading: the configuration, or the error. */
function outcome(parse: () => unknown): unknown {
  try {
    return { config: parse() };
  } catch (error) {
    return { name: (error as Error).name, message: (error as Error).message.replace(/ \(and \d+ more\)\.$/, '.') };
  }
}
const byZod = (name: string, input: unknown) =>
  outcome(() =>
    isSft(name) ? parseConfig(sftConfigSchema, input, 'here') : parseConfig(runConfigSchema, input, 'here'),
  );
const byShape = (name: string, input: unknown) =>
  outcome(() => (isSft(name) ? checkedSftConfig(input, 'here') : checkedRunConfig(input, 'here')));

for (const name of files)
  test(`${name} is read the same way`, (t) => {
    t.deepEqual(byShape(name, read(name)), byZod(name, read(name)));
    const whole = withField(read(name), 'model.base', '/models/x');
    t.deepEqual(byShape(name, whole), byZod(name, whole));
    t.is(JSON.stringify(byShape(name, whole)), JSON.stringify(byZod(name, whole))); // keys in the same order
  });

/** Ways to every field of both configurations, and to some that are not there. */
function waysOf(value: unknown, way: string[] = []): string[][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? [way, ...Object.entries(value).flatMap(([name, inner]) => waysOf(inner, [...way, name]))]
    : [way];
}

const CASES = Number(process.env.GTR_FUZZ_CASES ?? 1000);
const values = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    1,
    -1,
    0.5,
    2,
    1e-9,
    '',
    'x',
    'all',
    'lora',
    'gtr',
    'grpo',
    'float32',
    [],
    [1],
    ['x'],
    {},
  ),
  fc.constantFrom(
    { kind: 'lora' },
    { kind: 'lora', rank: 0 },
    { kind: 'other' },
    { kind: 3 },
    { extra: 1 },
    [{}],
    [{ metric: 'x' }],
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

for (const name of ['points24-tiny.json', 'sft-points24-tiny.json'])
  test(`${name}, spoiled in any field, is read or refused the same way`, (t) => {
    const whole = (byZod(name, read(name)) as { config: object }).config;
    const ways = waysOf(whole)
      .flatMap((way) => [way, [...way, 'extra'], [...way, '__proto__x']])
      .filter((way) => way.length > 0);
    fc.assert(
      fc.property(
        fc.constantFrom(...ways),
        values,
        fc.constantFrom(...ways),
        values,
        fc.integer({ min: 1, max: 2 }),
        (way, value, other, second, count) => {
          const spoil = (input: unknown, at: string[], to: unknown) => {
            try {
              return withField(input, at.join('.'), to);
            } catch {
              return input; // no group
            }
          };
          const once = spoil(whole, way, value);
          const input = count === 1 ? once : spoil(once, other, second);
          // of such numbers zod words its refusal by the kind of the field
          fc.pre(!/e\+|\d{17}/.test(JSON.stringify(input)));
          t.deepEqual(byShape(name, input), byZod(name, input));
        },
      ),
      { numRuns: CASES },
    );
  });

test('anything that is not a configuration is refused the same way', (t) => {
  for (const input of [
    undefined,
    null,
    3,
    'x',
    [],
    {},
    { model: null },
    { environment: {} },
    { model: {}, environment: { name: 3 } },
  ])
    for (const name of ['points24-tiny.json', 'sft-points24-tiny.json'])
      t.deepEqual(byShape(name, input), byZod(name, input));
});
