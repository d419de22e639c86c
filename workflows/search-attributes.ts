/** The search attributes that list and filter runs, in the Web UI and with `temporal workflow list --query`. */
import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import { playedName } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';

/** Name -> type. A server has to know them: the embedded one is started with them (docs/operations.md). */
export const SEARCH_ATTRIBUTES = {
  GtrEnvironment: 'KEYWORD',
  GtrAlgorithm: 'KEYWORD',
  GtrModel: 'KEYWORD',
  GtrStatus: 'KEYWORD',
  GtrEnvSteps: 'INT',
  GtrSuccess: 'DOUBLE',
} as const;

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/** What a run shows; `success`: the newest known, null before the first. */
export type RunFacts = { config: RunConfig; status: string; envSteps: number; success: number | null };

/** A run's values. */
function valuesOf({
  config,
  status,
  envSteps,
  success,
}: RunFacts): Record<SearchAttributeName, string | number | null> {
  return {
    GtrEnvironment: playedName(config),
    GtrAlgorithm: config.algorithm,
    GtrModel: config.model.base.replace(/\/+$/, '').split('/').at(-1)!,
    GtrStatus: status,
    GtrEnvSteps: envSteps,
    GtrSuccess: success,
  };
}

/**
 * Remembers the values that the server has for a run and reports changes. `known`: the attributes that the server has;
 * others are left out, so that runs work without them.
 */
export class RunIndex {
  readonly #told: Partial<Record<SearchAttributeName, string | number>> = {};

  /** The attributes whose values changed since the last call. */
  changes(facts: RunFacts, known: readonly string[]): SearchAttributeUpdatePair[] {
    const changed = Object.entries(valuesOf(facts)).filter(
      ([name, value]) => value !== null && known.includes(name) && this.#told[name as SearchAttributeName] !== value,
    );
    Object.assign(this.#told, Object.fromEntries(changed));
    return changed.map(
      ([name, value]) =>
        ({
          key: defineSearchAttributeKey(name, SEARCH_ATTRIBUTES[name as SearchAttributeName]),
          value,
        }) as SearchAttributeUpdatePair,
    );
  }
}
