/** Encodes values as artifact bytes: deterministic, so that equal values have equal addresses. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ArtifactRef, ArtifactStore, Owner } from './store.ts';

/** Stores plain JSON, gzipped, held by an owner. Key order is the object's own. */
export function putJson(store: ArtifactStore, kind: string, value: unknown, owner?: Owner): Promise<ArtifactRef> {
  const data = gzipSync(JSON.stringify(value), { level: 1 });
  return owner === undefined ? store.put(kind, data) : store.putHeld(owner, kind, data);
}

export async function getJson<T>(store: ArtifactStore, ref: ArtifactRef): Promise<T> {
  return JSON.parse(gunzipSync(await store.get(ref)).toString('utf8')) as T;
}
