/** Writes `config.json` as transformers reads it. */
import { readFileSync } from 'node:fs';

export const TORCH_TYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** Element types of written weights. */
export type WrittenDType = keyof typeof TORCH_TYPES;

/**
 * The source's own `config.json`, updated with the type of the written weights and whether they are tied, at the top
 * level, in text_config and in vision_config.
 */
export function restatedConfig(file: string, dtype: WrittenDType, tiedEmbeddings: boolean): object {
  const facts = { dtype: TORCH_TYPES[dtype], tie_word_embeddings: tiedEmbeddings };
  const replaced: Record<string, unknown> = { ...facts, torch_dtype: facts.dtype };
  const stated = parseKeepingNumbers(readFileSync(file, 'utf8'), (key, value) =>
    Object.hasOwn(replaced, key) ? replaced[key] : value,
  ) as object;
  return { ...stated, ...facts };
}

/** JSON whose numbers keep their spelling: transformers takes 1.0, but not 1, as a fraction. */
function parseKeepingNumbers(text: string, revive: (key: string, value: unknown) => unknown): unknown {
  const parse = JSON.parse as (
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ) => unknown;
  return parse(text, (key, value, { source }) => revive(key, typeof value === 'number' ? rawJson(source) : value));
}

/** A fraction for transformers, whole or not. */
export function fraction(value: number): unknown {
  return rawJson(Number.isInteger(value) ? value.toFixed(1) : String(value));
}

/** ECMAScript's JSON.rawJSON, which TypeScript's library does not know yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };
