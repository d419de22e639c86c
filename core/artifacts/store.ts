/** Content-addressed storage: what is large travels through workflows as a reference. */

/**
 * Names one stored content for ever. `kind` is for people and garbage collection; it does not take part in the address.
 */
export type ArtifactRef = { sha256: string; bytes: number; kind: string };

/** Thrown when a stored content is missing or does not match its address. */
export class ArtifactError extends Error {
  override name = 'ArtifactError';
}

/**
 * What lies in the store; `modified`: when it was stored last. `sha256` null: the unfinished file of a writer that was
 * killed.
 */
export type StoredArtifact = { key: string; sha256: string | null; bytes: number; modified: Date };

export interface ArtifactStore {
  /** Where it is, for people: a folder or an address. */
  readonly place: string;
  /**
   * Stores `data` durably before it resolves; the same content twice is one artifact, which counts as modified anew.
   */
  put(kind: string, data: Uint8Array): Promise<ArtifactRef>;
  /** The content, verified against its hash. Throws `ArtifactError` when missing or damaged. */
  get(ref: ArtifactRef): Promise<Uint8Array>;
  has(ref: ArtifactRef): Promise<boolean>;
  /** Every artifact and every unfinished file, in no order. */
  list(): AsyncIterable<StoredArtifact>;
  /** Removes what was listed unless it was stored again since `modified`; tells whether it did. */
  remove(artifact: StoredArtifact): Promise<boolean>;

  /**
   * Records are small JSON values under names like `runs/my-run/iteration-3`: the roots from which artifacts are
   * reached. Written whole or not at all.
   */
  putRecord(name: string, value: unknown): Promise<void>;
  /** Undefined when there is none of this name. */
  getRecord<T>(name: string): Promise<T | undefined>;
  /** Names of all records below a folder such as `runs/my-run`, sorted. */
  listRecords(folder: string): Promise<string[]>;
  removeRecord(name: string): Promise<void>;
}
