/** Garbage collection: finds what no root reaches and no running activity can just have written. */
import { reach, type Reached } from './references.ts';
import type { ArtifactRef, ArtifactStore, StoredArtifact } from './store.ts';

export type Garbage = {
  /** Unreachable, and old enough to be removed. */
  garbage: StoredArtifact[];
  /** Unreachable so far, but too young to tell. */
  young: StoredArtifact[];
  kept: StoredArtifact[];
  /** Kept artifacts that are missing or damaged: what they refer to is unknown. */
  problems: Reached[];
};

/**
 * `roots`: references by the run that holds them. The store is listed before the references are followed, and what was
 * stored since `before` is young: an activity stores an artifact first and names it later.
 */
export async function findGarbage(
  store: ArtifactStore,
  roots: () => Promise<ReadonlyMap<string, readonly ArtifactRef[]>>,
  before: Date,
): Promise<Garbage> {
  const stored = await Array.fromAsync(store.list());
  const reached = await reach(store, await roots(), 'references');
  const isKept = ({ sha256 }: StoredArtifact) => sha256 !== null && reached.has(sha256);
  const loose = stored.filter((artifact) => !isKept(artifact));
  return {
    garbage: loose.filter(({ modified }) => modified < before),
    young: loose.filter(({ modified }) => modified >= before),
    kept: stored.filter(isKept),
    problems: [...reached.values()].filter(({ problem }) => problem !== null),
  };
}
