/** Content-addressed storage: large values travel through workflows as references. */

/** Permanently names one stored content. `kind` is for people and garbage collection; it is not part of the address. */
export type ArtifactRef = {
  sha256: string;
  bytes: number;
  kind: string;
  /** The content was removed because nothing needed it any more; the reference says what it was. */
  removed?: true;
};

/** Thrown when a stored content is missing or does not match its address. */
export class ArtifactError extends Error {
  override name = 'ArtifactError';
}

/**
 * An entry of the store; `modified`: when it was last stored. `sha256` null: the unfinished file of a killed writer.
 */
export type StoredArtifact = { key: string; sha256: string | null; bytes: number; modified: Date };

/** A content in one or several pieces: large ones are stored without joining the pieces. */
export type Content = Uint8Array | readonly Uint8Array[];

/** Who needs an artifact: a run and a part of it (`iteration-3`, an attempt of an activity). */
export type Owner = { run: string; slot: string };

/** An artifact with one of its owners. */
export type Hold = Owner & { ref: ArtifactRef; since: string };

export interface ArtifactStore {
  /** Its folder or address, for messages. */
  readonly location: string;
  /**
   * Stores `data` durably before it resolves. Storing the same content again renews the artifact's `modified`.
   */
  put(kind: string, data: Content): Promise<ArtifactRef>;
  /**
   * `put` for an owner, who holds it until `release`. Only contents that were always stored this way may be released.
   */
  putHeld(owner: Owner, kind: string, data: Content): Promise<ArtifactRef>;
  /** Adds an owner to an existing content; returns false, without a hold, if it does not exist. */
  hold(owner: Owner, ref: ArtifactRef): Promise<boolean>;
  /**
   * The owner no longer needs it. The last owner's release removes the content; returns whether it did. Safe with
   * concurrent puts of the same content, and if the caller dies or sleeps at any moment (docs/durability.md). `aside`:
   * called when the content has been moved aside, while another owner may still have come.
   */
  release(owner: Owner, ref: ArtifactRef, aside?: () => Promise<void>): Promise<boolean>;
  /** Whether anybody holds it. */
  isHeld(ref: ArtifactRef): Promise<boolean>;
  /** What a run holds; without a run: what all runs hold. */
  holds(run?: string): Promise<Hold[]>;
  /** Removes every hold on a content that gc removed. */
  forgetHolds(sha256: string): Promise<void>;
  /** The content, verified against its hash. Throws `ArtifactError` when missing or damaged. */
  get(ref: ArtifactRef): Promise<Uint8Array>;
  has(ref: ArtifactRef): Promise<boolean>;
  /** Every artifact and every unfinished file, in any order. */
  list(): AsyncIterable<StoredArtifact>;
  /** Removes a listed entry unless it was stored again since `modified`; returns whether it did. */
  remove(artifact: StoredArtifact): Promise<boolean>;

  /**
   * Records are small JSON values under names like `runs/my-run/iteration-3`: the roots from which artifacts are
   * reached. Written whole or not at all.
   */
  putRecord(name: string, value: unknown): Promise<void>;
  /** `putRecord` if there is no record of this name; returns whether it wrote. Of several callers at once one does. */
  createRecord(name: string, value: unknown): Promise<boolean>;
  /** Undefined if there is no record of this name. */
  getRecord<T>(name: string): Promise<T | undefined>;
  /** Names of all records below a folder such as `runs/my-run`, sorted. */
  listRecords(folder: string): Promise<string[]>;
  removeRecord(name: string): Promise<void>;
}
