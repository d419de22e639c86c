/** Prices of tokens, and token counts of pictures: dated tables for OpenAI's models. */
import type { Usage } from './teacher.ts';

/** US dollars per million tokens. */
export type Prices = { prompt: number; cached: number; completion: number };

/**
 * List prices of the standard service tier; `asOf`: when they were last compared with the provider's own list. Azure's
 * global deployments cost the same.
 */
export const PRICE_TABLE: Readonly<Record<string, Prices & { asOf: string }>> = {
  'gpt-4o': { prompt: 2.5, cached: 1.25, completion: 10, asOf: '2026-05-30' },
  'gpt-4o-2024-05-13': { prompt: 5, cached: 5, completion: 15, asOf: '2025-08-07' },
  'gpt-4o-mini': { prompt: 0.15, cached: 0.075, completion: 0.6, asOf: '2026-05-30' },
  'gpt-4.1': { prompt: 2, cached: 0.5, completion: 8, asOf: '2026-05-07' },
  'gpt-4.1-mini': { prompt: 0.4, cached: 0.1, completion: 1.6, asOf: '2026-05-07' },
  'gpt-4.1-nano': { prompt: 0.1, cached: 0.025, completion: 0.4, asOf: '2026-05-07' },
  'gpt-5': { prompt: 1.25, cached: 0.125, completion: 10, asOf: '2026-03-21' },
  'gpt-5-mini': { prompt: 0.25, cached: 0.025, completion: 2, asOf: '2026-03-21' },
  'gpt-5-nano': { prompt: 0.05, cached: 0.005, completion: 0.4, asOf: '2026-03-21' },
  'gpt-5.1': { prompt: 1.25, cached: 0.125, completion: 10, asOf: '2026-03-21' },
  'gpt-5.4': { prompt: 2.5, cached: 0.25, completion: 15, asOf: '2026-06-15' },
  'gpt-5.4-mini': { prompt: 0.75, cached: 0.075, completion: 4.5, asOf: '2026-06-15' },
  'gpt-5.5': { prompt: 5, cached: 0.5, completion: 30, asOf: '2026-06-15' },
};

/**
 * A model's prices; a snapshot (`gpt-4o-2024-08-06`) costs what its model does unless it has its own row. Null for a
 * model that the table does not know.
 */
export function pricesOf(model: string): (Prices & { asOf: string }) | null {
  return PRICE_TABLE[model] ?? PRICE_TABLE[model.replace(/-\d{4}-\d{2}-\d{2}$/, '')] ?? null;
}

/** US dollars for these tokens; null where the prices are unknown, never 0. */
export function costUsd({ promptTokens, cachedTokens, completionTokens }: Usage, prices: Prices | null): number | null {
  if (prices === null) return null;
  return (
    ((promptTokens - cachedTokens) * prices.prompt +
      cachedTokens * prices.cached +
      completionTokens * prices.completion) /
    1e6
  );
}

/**
 * Models that count a picture in tiles of 512 px: `base` + `tile` for each; and models that count patches of 32 px
 * times a factor. The longest matching name counts.
 */
const TILES: Readonly<Record<string, { base: number; tile: number }>> = {
  'gpt-4o-mini': { base: 2833, tile: 5667 },
  'gpt-4o': { base: 85, tile: 170 },
  'gpt-4.1': { base: 85, tile: 170 },
  'gpt-5': { base: 70, tile: 140 },
};
const PATCH_FACTORS: Readonly<Record<string, number>> = {
  'gpt-4.1-mini': 1.62,
  'gpt-4.1-nano': 2.46,
  'gpt-5-mini': 1.62,
  'gpt-5-nano': 2.46,
};
const MOST_PATCHES = 1536;

/**
 * Tokens of a square picture of `size` pixels a side; models of other providers are assumed to count like gpt-4o. An
 * estimate: actual costs are measured.
 */
export function imageTokens(model: string, size: number, detail: 'auto' | 'low' | 'high'): number {
  const name =
    [...Object.keys(TILES), ...Object.keys(PATCH_FACTORS)]
      .filter((known) => model.startsWith(known))
      .sort((a, b) => b.length - a.length)[0] ?? 'gpt-4o';
  if (name in PATCH_FACTORS) return Math.ceil(Math.min(Math.ceil(size / 32) ** 2, MOST_PATCHES) * PATCH_FACTORS[name]);
  const { base, tile } = TILES[name];
  // Larger pictures are made 768 px wide before they are cut into tiles.
  return detail === 'low' ? base : base + tile * Math.ceil(Math.min(size, 768) / 512) ** 2;
}
