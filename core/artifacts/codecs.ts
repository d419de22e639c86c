/** How values become artifact bytes: deterministic, so that equal values have equal addresses. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ArtifactRef, ArtifactStore } from './store.ts';

/** Stores plain JSON, gzipped. Key order is the object's own. */
export function putJson(store: ArtifactStore, kind: string, value: unknown): Promise<ArtifactRef> {
  return store.put(kind, gzipSync(JSON.stringify(value), { level: 1 }));
}

export async function getJson<T>(store: ArtifactStore, ref: ArtifactRef): Promise<T> {
  return JSON.parse(gunzipSync(await store.get(ref)).toString('utf8')) as T;
}
