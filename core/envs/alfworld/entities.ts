/** The things of one game as numbers in the order of their ids, with types and the names a player reads. */
import { AlfworldGameError } from './game-error.ts';
import type { TypedName } from './lisp-list.ts';

/** A thing as the text grammar sees it; TextWorld's articles are the same for all. */
export type Entity = {
  /** Position among all ids sorted by code point. */
  readonly index: number;
  readonly id: string;
  readonly type: string;
  /** Position of the type in `TypeTree.names`. */
  readonly typeNumber: number;
  /** e.g. `drawer 2`; an id without `_bar_` keeps a trailing blank, as in the original. */
  readonly name: string;
  readonly definite: 'the';
  readonly indefinite: 'a';
};

/** The types of a domain, as a tree. */
export class TypeTree {
  readonly names: readonly string[];
  /** All proper ancestors of each type. */
  readonly #ancestors = new Map<string, ReadonlySet<string>>();
  readonly #descendants = new Map<string, string[]>();

  constructor(types: readonly TypedName[]) {
    this.names = [...new Set(types.map((type) => type.name))];
    const parents = new Map<string, string[]>(this.names.map((name) => [name, []]));
    for (const { name, type } of types) if (type) parents.get(name)!.push(type);
    for (const name of this.names) {
      const found = new Set<string>();
      const waiting = [...parents.get(name)!];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (next === name || found.has(next)) continue;
        found.add(next);
        waiting.push(...(parents.get(next) ?? []));
      }
      this.#ancestors.set(name, found);
    }
    for (const name of this.names) {
      this.#descendants.set(name, this.names.filter((other) => this.#ancestors.get(other)!.has(name)).sort());
    }
  }

  has(type: string): boolean {
    return this.#ancestors.has(type);
  }

  isA(type: string, ancestor: string): boolean {
    return type === ancestor || (this.#ancestors.get(type)?.has(ancestor) ?? false);
  }

  /** Proper descendants, sorted by name. */
  descendants(type: string): readonly string[] {
    return this.#descendants.get(type) ?? [];
  }
}

/** All things of a game. Declared things that no first fact mentions can be bound, but have no number in their name. */
export class Entities {
  readonly all: readonly Entity[];
  readonly #byId = new Map<string, Entity>();
  readonly #members = new Map<string, Uint8Array>();
  readonly #types: TypeTree;

  /** @throws AlfworldGameError on a thing declared twice, of an undeclared type, or mentioned but not declared */
  constructor(declared: readonly TypedName[], facts: readonly (readonly string[])[], types: TypeTree) {
    this.#types = types;
    const typeOf = new Map<string, string>();
    for (const { name, type } of declared) {
      if (typeOf.has(name)) throw new AlfworldGameError(`The object "${name}" is declared twice.`);
      if (!types.has(type)) throw new AlfworldGameError(`The object "${name}" has the undeclared type "${type}".`);
      typeOf.set(name, type);
    }
    const mentioned = new Set<string>();
    for (const fact of facts) {
      for (let i = 1; i < fact.length; i++) {
        if (!typeOf.has(fact[i]))
          throw new AlfworldGameError(`The fact "${fact.join(' ')}" mentions "${fact[i]}", which is not declared.`);
        mentioned.add(fact[i]);
      }
    }
    const ids = [...typeOf.keys()].sort();
    const names = namesOf(ids.filter((id) => mentioned.has(id)));
    this.all = ids.map((id, index): Entity => {
      const type = typeOf.get(id)!;
      return {
        index,
        id,
        type,
        typeNumber: types.names.indexOf(type),
        name: names.get(id) ?? id,
        definite: 'the',
        indefinite: 'a',
      };
    });
    for (const entity of this.all) this.#byId.set(entity.id, entity);
  }

  get(id: string): Entity | undefined {
    return this.#byId.get(id);
  }

  /** 1 at the index of each thing of the type or a descendant; all 0 for an undeclared type. */
  members(type: string): Uint8Array {
    let members = this.#members.get(type);
    if (!members) {
      members = Uint8Array.from(this.all, (entity) => Number(this.#types.isA(entity.type, type)));
      this.#members.set(type, members);
    }
    return members;
  }
}

/**
 * Names of things: the text before the first `_bar_`, with "basin" behind it when the id has "basin" anywhere, and a
 * number. In the order of the sorted ids the numbers of one name fall, so the last id gets 1.
 */
function namesOf(sortedIds: readonly string[]): Map<string, string> {
  const stems = sortedIds.map((id) => {
    const end = id.indexOf('_bar_');
    return end < 0 ? null : id.slice(0, end) + (id.includes('basin') ? 'basin' : '');
  });
  const left = new Map<string, number>();
  for (const stem of stems) if (stem !== null) left.set(stem, (left.get(stem) ?? 0) + 1);
  return new Map(
    sortedIds.map((id, i) => {
      const stem = stems[i];
      if (stem === null) return [id, `${plain(id)} `];
      const number = left.get(stem)!;
      left.set(stem, number - 1);
      return [id, `${plain(stem)} ${number}`];
    }),
  );
}

/** Characters that ids spell out. */
function plain(text: string): string {
  return text.replaceAll('_minus_', '-').replaceAll('_plus_', '+').replaceAll('_dot_', '.').replaceAll('_comma_', ',');
}
