/** Content-addressed storage: what is large travels through workflows as a reference. */

/**
 * Names one stored content for ever. `kind` is for people and garbage collection; it does not take part in the address.
 */
export type ArtifactRef = {
  sha256: string;
  bytes: number;
  kind: string;
  /** The content was removed, since nothing needed it any more; the reference says what it was. */
  removed?: true;
};

/** Thrown when a stored content is missing or does not match its address. */
export class ArtifactError extends Error {
  override name = 'ArtifactError';
}

/**
 * What lies in the store; `modified`: when it was stored last. `sha256` null: the unfinished file of a writer that was
 * killed.
 */
export type StoredArtifact = { key: string; sha256: string | null; bytes: number; modified: Date };

/** A content, or one that lies in several pieces: large ones are stored without being copied together. */
export type Content = Uint8Array | readonly Uint8Array[];

/** Who needs an artifact: a run, and what of it (`iteration-3`, an attempt of an activity). */
export type Owner = { run: string; slot: string };

/** An artifact with one of its owners. */
export type Hold = Owner & { ref: ArtifactRef; since: string };

export interface ArtifactStore {
  /** Where it is, for people: a folder or an address. */
  readonly location: string;
  /**
   * Stores `data` durably before it resolves; the same content twice is one artifact, which counts as modified anew.
   */
  put(kind: string, data: Content): Promise<ArtifactRef>;
  /** `put` for an owner, who holds it until `release`. Only what was always stored so may ever be released. */
  putHeld(owner: Owner, kind: string, data: Content): Promise<ArtifactRef>;
  /** One more owner holds what is there; false, and nothing is held, where it is not. */
  hold(owner: Owner, ref: ArtifactRef): Promise<boolean>;
  /**
   * The owner needs it no more. The last owner's release removes the content; tells whether it did. Safe beside puts
   * of the same content, and where the caller dies or sleeps at any moment (docs/durability.md). `aside`: called when
   * the content lies aside and it is not yet known whether somebody came meanwhile.
   */
  release(owner: Owner, ref: ArtifactRef, aside?: () => Promise<void>): Promise<boolean>;
  /** Whether anybody holds it. */
  isHeld(ref: ArtifactRef): Promise<boolean>;
  /** What a run holds; of all runs where none is named. */
  holds(run?: string): Promise<Hold[]>;
  /** Forgets every hold on a content that gc removed. */
  forgetHolds(sha256: string): Promise<void>;
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
