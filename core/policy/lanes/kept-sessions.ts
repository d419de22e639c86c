/** The sessions that a lane keeps, by shape: the most recently used that fit into its share of memory. */

/**
 * Bytes of activations that a lane's sessions keep together for their next runs, first come first served: 4 to 8 %
 * faster, and up to twice as much memory.
 */
const MOST_KEPT = 128 * 2 ** 20;
/**
 * Bytes of reordered weights that a lane's sessions hold together; the newest session always may. A wave that shrinks
 * asks for five shapes, each with its own copy: 2.7 GB for 135 million parameters. Rebuilding a session takes a tenth
 * of the time that it then samples.
 */
export const MOST_REORDERED = 1.25 * 2 ** 30;

type Kept<S> = { session: Promise<S>; activations: number; reordered: number };

export class KeptSessions<S extends { close(): Promise<void> }> {
  readonly #most: number;
  /** Oldest use first. */
  readonly #kept = new Map<string, Kept<S>>();

  /** Of at most `most` sessions. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * The session of this key, loaded if necessary: `load` is told whether its activations may stay between runs.
   * `activations`, `reordered`: bytes that it would keep.
   */
  of(
    key: string,
    describe: () => { activations: number; reordered: number; load: (arena: boolean) => Promise<S> },
  ): Promise<S> {
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const kept = known ?? this.#load(key, describe());
    this.#kept.set(key, kept); // most recently used last
    return kept.session;
  }

  #load(
    key: string,
    { activations, reordered, load }: { activations: number; reordered: number; load: (arena: boolean) => Promise<S> },
  ): Kept<S> {
    if (this.#kept.size >= this.#most) this.#drop([...this.#kept.keys()][0]);
    for (const [old, { reordered: bytes }] of this.#kept) {
      if (this.#sum('reordered') + reordered <= MOST_REORDERED) break;
      if (bytes > 0 && reordered > 0) this.#drop(old);
    }
    const arena = this.#sum('activations') + activations <= MOST_KEPT;
    const session = load(arena);
    // One that did not load is not kept: the next job tries again.
    session.catch(() => this.#kept.delete(key));
    return { session, activations: arena ? activations : 0, reordered };
  }

  #sum(bytes: 'activations' | 'reordered'): number {
    return [...this.#kept.values()].reduce((sum, kept) => sum + kept[bytes], 0);
  }

  #drop(key: string): void {
    void this.#kept.get(key)!.session.then((old) => old.close());
    this.#kept.delete(key);
  }

  async close(): Promise<void> {
    for (const { session } of this.#kept.values()) await (await session).close();
    this.#kept.clear();
  }
}
