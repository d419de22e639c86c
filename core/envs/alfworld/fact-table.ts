/** The true atoms of one predicate, sorted, and found by any of their arguments. */

/** One atom: its arguments as thing numbers, and one number that orders atoms as their ids would. */
export type Row = { readonly args: readonly number[]; readonly key: number };

const NO_ROWS: readonly Row[] = [];

/** All tables of a game, by predicate number; a predicate's explicit negations (`not_p`) are a table of their own. */
export type Tables = readonly FactTable[];

export class FactTable {
  readonly arity: number;
  /** Number of things in the game, the base of the keys. */
  readonly base: number;
  /** Counts changes, so that answers can be cached until the next one. */
  version = 0;
  readonly #rows: Row[];
  readonly #byKey = new Map<number, Row>();
  /** [argument][thing] -> rows, sorted. */
  readonly #byArgument: (Row[] | undefined)[][];

  constructor(arity: number, base: number, atoms: readonly (readonly number[])[] = []) {
    this.arity = arity;
    this.base = base;
    this.#byArgument = Array.from({ length: arity }, () => []);
    const rows = new Map<number, Row>();
    for (const args of atoms) {
      const key = this.key(args);
      rows.set(key, { args, key });
    }
    this.#rows = [...rows.values()].sort((a, b) => a.key - b.key);
    for (const row of this.#rows) this.#index(row, false);
  }

  key(args: readonly number[]): number {
    let key = 0;
    for (const arg of args) key = key * this.base + arg;
    return key;
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  hasKey(key: number): boolean {
    return this.#byKey.has(key);
  }

  has(args: readonly number[]): boolean {
    return this.#byKey.has(this.key(args));
  }

  /** Rows whose argument at `position` is `thing`, sorted. */
  rowsWith(position: number, thing: number): readonly Row[] {
    return this.#byArgument[position][thing] ?? NO_ROWS;
  }

  /** Average number of rows for one thing at `position`: how selective that argument is. */
  rowsPerThing(position: number): number {
    if (this.#rows.length === 0) return 0;
    let things = 0;
    for (const rows of this.#byArgument[position]) if (rows && rows.length > 0) things++;
    return this.#rows.length / things;
  }

  /** Makes the atom true (or false), if it is not already. */
  set(args: readonly number[], isTrue: boolean): void {
    const key = this.key(args);
    const row = this.#byKey.get(key);
    if (isTrue === (row !== undefined)) return;
    this.version++;
    if (row) {
      this.#byKey.delete(key);
      removeSorted(this.#rows, row);
      row.args.forEach((thing, position) => removeSorted(this.#byArgument[position][thing]!, row));
    } else {
      const added = { args: [...args], key };
      insertSorted(this.#rows, added);
      this.#index(added, true);
    }
  }

  copy(): FactTable {
    return new FactTable(
      this.arity,
      this.base,
      this.#rows.map((row) => row.args),
    );
  }

  #index(row: Row, sort: boolean): void {
    this.#byKey.set(row.key, row);
    row.args.forEach((thing, position) => {
      const rows = (this.#byArgument[position][thing] ??= []);
      if (sort) insertSorted(rows, row);
      else rows.push(row);
    });
  }
}

function place(rows: readonly Row[], key: number): number {
  let low = 0;
  for (let high = rows.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (rows[middle].key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insertSorted(rows: Row[], row: Row): void {
  rows.splice(place(rows, row.key), 0, row);
}

function removeSorted(rows: Row[], row: Row): void {
  rows.splice(place(rows, row.key), 1);
}
