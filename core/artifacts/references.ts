/** Finds references between artifacts in the values themselves, so that no table of kinds can be out of date. */
import { gunzipSync } from 'node:zlib';
import { mapConcurrently } from './map-concurrently.ts';
import { ArtifactError, type ArtifactRef, type ArtifactStore } from './store.ts';

/** Every `{ sha256, bytes, kind }` anywhere in a JSON value, except removed ones. */
export function findReferences(value: unknown): ArtifactRef[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(findReferences);
  const { sha256, bytes, kind, removed } = value as Partial<ArtifactRef>;
  const own =
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    typeof bytes === 'number' &&
    typeof kind === 'string';
  return own ? (removed ? [] : [{ sha256, bytes, kind }]) : Object.values(value).flatMap(findReferences);
}

/** Kinds that are stored for an owner and can be released. */
const RELEASABLE = new Set([
  'policy',
  'optimizer',
  'gradient',
  'batch',
  'teacher-answers',
  'rollout-progress',
  'evaluation-progress',
]);

/** Kinds that hold tensors, which are large and refer to nothing: they are read only to check their hash. */
const TENSORS = new Set(['policy', 'optimizer', 'gradient']);

/**
 * An artifact that was reached; `problem`: one sentence when it is missing or damaged. `owner`: the first owner whose
 * root led to it.
 */
export type Reached = { ref: ArtifactRef; owner: string; problem: string | null };

/** Owners whose references may have been released since: Temporal's histories forget nothing. */
const mayBeReleased = (owner: string) => !owner.startsWith('records ');

/**
 * Follows references from each owner's roots through all JSON artifacts. With `contents: 'all'` tensors are read too,
 * so that every hash is checked; with 'references' only their presence. Released artifacts are not reached. Owners are
 * workflows, or `records ...`.
 */
export async function reach(
  store: ArtifactStore,
  roots: ReadonlyMap<string, readonly ArtifactRef[]>,
  contents: 'all' | 'references',
): Promise<Map<string, Reached>> {
  const reached = new Map<string, Reached>();
  const take = (owner: string, refs: readonly ArtifactRef[]) =>
    refs.flatMap((ref) => {
      if (reached.has(ref.sha256)) return [];
      const entry: Reached = { ref, owner, problem: null };
      reached.set(ref.sha256, entry);
      return [entry];
    });
  let front = [...roots].flatMap(([owner, refs]) => take(owner, refs));
  while (front.length > 0) {
    const found = await mapConcurrently(front, async (entry) => {
      try {
        return { owner: entry.owner, refs: await referencesOf(store, entry.ref, contents) };
      } catch (error) {
        if (!(error instanceof ArtifactError)) throw error;
        const { ref, owner } = entry;
        if (RELEASABLE.has(ref.kind) && mayBeReleased(owner) && !(await store.has(ref)) && !(await store.isHeld(ref)))
          reached.delete(ref.sha256);
        else entry.problem = error.message;
        return { owner: entry.owner, refs: [] };
      }
    });
    front = found.flatMap(({ owner, refs }) => take(owner, refs));
  }
  return reached;
}

async function referencesOf(
  store: ArtifactStore,
  ref: ArtifactRef,
  contents: 'all' | 'references',
): Promise<ArtifactRef[]> {
  if (contents === 'references' && TENSORS.has(ref.kind) && (await store.has(ref))) return [];
  const data = await store.get(ref);
  const gzipped = data[0] === 0x1f && data[1] === 0x8b;
  return gzipped ? findReferences(JSON.parse(gunzipSync(data).toString('utf8'))) : [];
}
