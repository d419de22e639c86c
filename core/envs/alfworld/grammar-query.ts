/** Conjunctive queries of grammar texts (`atlocation(a:agent, l:location) & ...`): solutions in TextWorld's order. */
import type { Entities, Entity, TypeTree } from './entities.ts';
import type { FactTable, Row } from './fact-table.ts';
import { AlfworldGameError } from './game-error.ts';

/** Placeholder (`name:type`) -> thing. Placeholders of one name but different types are different. */
export type Mapping = ReadonlyMap<string, Entity>;

/**
 * Gives the table of a predicate as the text names it (`not_p` for explicit negations), or null when it can have no
 * facts.
 */
export type TableSource = (predicate: string) => FactTable | null;

type QueryAtom = {
  readonly predicate: string;
  readonly placeholders: readonly string[];
  /** For the types of a row's arguments as one number, digit by digit: its places in TextWorld's walk over subtypes. */
  readonly ranks: ReadonlyMap<number, readonly number[]>;
};

/** A query compiled for one game. */
export class GrammarQuery {
  readonly #atoms: readonly QueryAtom[];
  readonly #entities: Entities;
  readonly #typeCount: number;

  /** @throws AlfworldGameError on text that is not such a query or that names an unknown type */
  constructor(source: string, entities: Entities, types: TypeTree) {
    this.#entities = entities;
    this.#typeCount = types.names.length;
    const pattern = /\s*(!?[\p{L}\p{N}_/]+)\s*\(([^()]*)\)\s*(?:&|$)/uy;
    const atoms: QueryAtom[] = [];
    while (pattern.lastIndex < source.length || atoms.length === 0) {
      const found = pattern.exec(source);
      if (!found) throw new AlfworldGameError(`The condition "${source}" of the text grammar is not supported.`);
      const args =
        found[2].trim() === ''
          ? []
          : found[2].split(',').map((arg) => {
              const parts = /^\s*([\p{L}\p{N}_']+)\s*(?::\s*([\p{L}\p{N}_/-]+)\s*)?$/u.exec(arg);
              if (!parts)
                throw new AlfworldGameError(
                  `The argument "${arg.trim()}" in the condition "${source}" of the text grammar is not supported.`,
                );
              return { name: parts[1], type: parts[2] ?? parts[1].replace(/'+$/, '') };
            });
      for (const { type } of args) {
        if (!types.has(type))
          throw new AlfworldGameError(
            `The condition "${source}" of the text grammar names the undeclared type "${type}".`,
          );
      }
      atoms.push({
        predicate: found[1],
        placeholders: args.map(({ name, type }) => `${name}:${type}`),
        ranks: ranksOf(
          args.map((arg) => arg.type),
          types,
        ),
      });
    }
    this.#atoms = atoms;
  }

  holds(given: Mapping, tables: TableSource): boolean {
    return this.#solve(given, tables, () => true);
  }

  /** All solutions, each with the placeholders of `given` and those newly bound. */
  solutions(given: Mapping, tables: TableSource): Mapping[] {
    const found: Mapping[] = [];
    this.#solve(given, tables, (mapping) => {
      found.push(new Map(mapping));
      return false;
    });
    return found;
  }

  #solve(given: Mapping, tables: TableSource, found: (mapping: Mapping) => boolean): boolean {
    const mapping = new Map(given);
    // Different placeholders stand for different things.
    const used = new Set(mapping.values());
    const solve = (depth: number): boolean => {
      const atom = this.#atoms[depth];
      if (!atom) return found(mapping);
      const table = tables(atom.predicate);
      if (!table || table.arity !== atom.placeholders.length) return false;
      for (const row of this.#candidates(atom, table, mapping)) {
        const added: string[] = [];
        const fits = row.args.every((index, i) => {
          const placeholder = atom.placeholders[i];
          const entity = this.#entities.all[index];
          const known = mapping.get(placeholder);
          if (known) return known === entity;
          if (used.has(entity)) return false;
          mapping.set(placeholder, entity);
          used.add(entity);
          added.push(placeholder);
          return true;
        });
        const stop = fits && solve(depth + 1);
        for (const placeholder of added) {
          used.delete(mapping.get(placeholder)!);
          mapping.delete(placeholder);
        }
        if (stop) return true;
      }
      return false;
    };
    return solve(0);
  }

  /** Rows that may fit, in order of their types' place, then of their ids. */
  #candidates(atom: QueryAtom, table: FactTable, mapping: Mapping): readonly Row[] {
    let rows = table.rows;
    atom.placeholders.forEach((placeholder, position) => {
      const known = mapping.get(placeholder);
      if (!known) return;
      const some = table.rowsWith(position, known.index);
      if (some.length < rows.length) rows = some;
    });
    const ranked: { row: Row; rank: number }[] = [];
    let inOrder = true;
    for (const row of rows) {
      let signature = 0;
      for (const index of row.args) signature = signature * this.#typeCount + this.#entities.all[index].typeNumber;
      for (const rank of atom.ranks.get(signature) ?? []) {
        inOrder &&= ranked.length === 0 || rank >= ranked[ranked.length - 1].rank;
        ranked.push({ row, rank });
      }
    }
    if (!inOrder) ranked.sort((a, b) => a.rank - b.rank);
    return ranked.map(({ row }) => row);
  }
}

/**
 * TextWorld looks at facts one combination of exact types after the other: the asked types, then breadth first, one
 * argument replaced by each descendant at a time. First-level combinations are not marked as seen, so deep type trees
 * meet some twice, and so do we.
 */
function ranksOf(types: readonly string[], tree: TypeTree): Map<number, number[]> {
  const ranks = new Map<number, number[]>();
  const expand = (from: readonly string[]): string[][] =>
    from.flatMap((type, i) => tree.descendants(type).map((below) => from.with(i, below)));
  const queue: (readonly string[])[] = [types, ...expand(types)];
  const seen = new Set<string>();
  for (let place = 0; place < queue.length; place++) {
    const signature = queue[place].reduce((sum, type) => sum * tree.names.length + tree.names.indexOf(type), 0);
    ranks.set(signature, [...(ranks.get(signature) ?? []), place]);
    if (place === 0) continue;
    for (const next of expand(queue[place])) {
      if (seen.has(next.join())) continue;
      seen.add(next.join());
      queue.push(next);
    }
  }
  return ranks;
}
