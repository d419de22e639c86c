/** Content-addressed storage: what is large travels through workflows as a reference. */

/** Names one stored content for ever. `kind` is for people and garbage collection; it does not take part in the address. */
export type ArtifactRef = { sha256: string; bytes: number; kind: string };

/** Thrown when a stored content is missing or does not match its address. */
export class ArtifactError extends Error {
  override name = 'ArtifactError';
}

export interface ArtifactStore {
  /** Stores `data` durably before it resolves; the same content twice is one artifact. */
  put(kind: string, data: Uint8Array): Promise<ArtifactRef>;
  /** The content, verified against its hash. Throws `ArtifactError` when missing or damaged. */
  get(ref: ArtifactRef): Promise<Uint8Array>;
  has(ref: ArtifactRef): Promise<boolean>;
}
