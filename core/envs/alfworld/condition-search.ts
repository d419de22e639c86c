/**
 * Finds all bindings under which a condition holds: alternatives are split, atoms joined over the tables' indexes, the
 * rest tested.
 */
import {
  filledSlots,
  freeSlots,
  negate,
  type BoundAtom,
  type BoundCondition,
  type FrameLayout,
} from './bound-condition.ts';
import type { Row, Tables } from './fact-table.ts';

/** One stage of a search: continues with the given frame; true means that the search is over. */
export type Stage = (frame: Int32Array, tables: Tables) => boolean;

/** One alternative of a condition: variables to find (`slots`) and parts that must all hold. */
export type Alternative = { readonly slots: readonly number[]; readonly parts: readonly BoundCondition[] };

/**
 * Splits a condition into alternatives as Fast Downward does (disjunctive normal form, quantifiers pulled out). But an
 * `or` whose variables the rest binds anyway stays whole, as a test.
 * @param mustSplit says which `or` must be split even then
 */
export function alternatives(
  condition: BoundCondition,
  filled: ReadonlySet<number>,
  mustSplit: (or: BoundCondition) => boolean,
): Alternative[] {
  switch (condition.kind) {
    case 'and': {
      const inside = filled.union(filledSlots(condition));
      let result: Alternative[] = [{ slots: [], parts: [] }];
      for (const part of condition.parts) {
        const choices = alternatives(part, inside, mustSplit);
        result = result.flatMap((left) =>
          choices.map((right) => ({ slots: [...left.slots, ...right.slots], parts: [...left.parts, ...right.parts] })),
        );
      }
      return result;
    }
    case 'or':
      if (!mustSplit(condition) && freeSlots(condition).isSubsetOf(filled)) return [{ slots: [], parts: [condition] }];
      return condition.parts.flatMap((part) => alternatives(part, filled, mustSplit));
    case 'exists':
      return alternatives(condition.body, filled.union(filledSlots(condition.body)), mustSplit).map(
        ({ slots, parts }) => ({ slots: [...condition.slots, ...slots], parts }),
      );
    default:
      return [{ slots: [], parts: [condition] }];
  }
}

/** Compiles searches for one game; the tables of its start decide which atom to look up first. */
export class SearchCompiler {
  readonly #layout: FrameLayout;
  readonly #tables: Tables;

  constructor(layout: FrameLayout, tables: Tables) {
    this.#layout = layout;
    this.#tables = tables;
  }

  /**
   * A search that calls `found` with the frame filled in for every binding until that returns true. `known` places are
   * filled before.
   */
  search(alternative: Alternative, known: ReadonlySet<number>, found: Stage): Stage {
    const bound = new Set(known);
    const isBound = (slot: number): boolean => bound.has(slot) || this.#layout.isObject(slot);
    const waiting = [...alternative.parts];
    const stages: ((next: Stage) => Stage)[] = [];
    for (;;) {
      for (let i = 0; i < waiting.length; i++) {
        if (![...freeSlots(waiting[i])].every(isBound)) continue;
        stages.push(this.#test(waiting[i], new Set(bound)));
        waiting.splice(i--, 1);
      }
      const atoms = waiting.filter((part) => part.kind === 'atom').filter((part) => !part.negated);
      if (atoms.length > 0) {
        const cost = atoms.map((atom) => this.#expectedRows(atom, isBound));
        const best = atoms[cost.indexOf(Math.min(...cost))];
        stages.push(this.#scan(best, new Set(best.slots.filter((slot) => !isBound(slot)))));
        for (const slot of best.slots) bound.add(slot);
        waiting.splice(waiting.indexOf(best), 1);
        continue;
      }
      const open = alternative.slots.find((slot) => !isBound(slot));
      if (open === undefined) break;
      stages.push(this.#enumerate(open));
      bound.add(open);
    }
    return stages.reduceRight((next, stage) => stage(next), found);
  }

  /** A yes-or-no test of a condition whose free places are filled. */
  test(condition: BoundCondition, known: ReadonlySet<number>): Stage {
    switch (condition.kind) {
      case 'atom': {
        const { table, slots, negated } = condition;
        return (frame, tables) => tables[table].hasKey(keyOf(frame, slots, tables[table].base)) !== negated;
      }
      case 'equal': {
        const {
          slots: [left, right],
          negated,
        } = condition;
        return (frame) => (frame[left] === frame[right]) !== negated;
      }
      case 'forall': {
        const counterexample = this.test(negate(condition), known);
        return (frame, tables) => !counterexample(frame, tables);
      }
      case 'or': {
        const tests = condition.parts.map((part) => this.test(part, known));
        return (frame, tables) => tests.some((test) => test(frame, tables));
      }
      default: {
        const searches = alternatives(condition, known, () => false).map((alternative) =>
          this.search(alternative, known, () => true),
        );
        return (frame, tables) => searches.some((search) => search(frame, tables));
      }
    }
  }

  #test(condition: BoundCondition, known: ReadonlySet<number>): (next: Stage) => Stage {
    const test = this.test(condition, known);
    return (next) => (frame, tables) => test(frame, tables) && next(frame, tables);
  }

  #expectedRows(atom: BoundAtom, isBound: (slot: number) => boolean): number {
    const table = this.#tables[atom.table];
    return Math.min(
      table.rows.length,
      ...atom.slots.map((slot, i) => (isBound(slot) ? table.rowsPerThing(i) : Infinity)),
    );
  }

  #scan({ table, slots }: BoundAtom, open: ReadonlySet<number>): (next: Stage) => Stage {
    const given = slots.flatMap((slot, position) => (open.has(slot) ? [] : [position]));
    const first = slots.map((slot, position) => open.has(slot) && slots.indexOf(slot) === position);
    const members = slots.map((slot) => this.#layout.members[slot]);
    return (next) => (frame, tables) => {
      let rows: readonly Row[] = tables[table].rows;
      for (const position of given) {
        const some = tables[table].rowsWith(position, frame[slots[position]]);
        if (some.length < rows.length) rows = some;
      }
      row: for (const { args } of rows) {
        for (let i = 0; i < args.length; i++) {
          const thing = args[i];
          if (first[i]) {
            const allowed = members[i];
            if (allowed && allowed[thing] === 0) continue row;
            frame[slots[i]] = thing;
          } else if (frame[slots[i]] !== thing) continue row;
        }
        if (next(frame, tables)) return true;
      }
      return false;
    };
  }

  #enumerate(slot: number): (next: Stage) => Stage {
    const members = this.#layout.members[slot];
    return (next) => (frame, tables) => {
      const count = members ? members.length : tables[0].base;
      for (let thing = 0; thing < count; thing++) {
        if (members && members[thing] === 0) continue;
        frame[slot] = thing;
        if (next(frame, tables)) return true;
      }
      return false;
    };
  }
}

/** The key of an atom whose arguments stand in a frame. */
export function keyOf(frame: Int32Array, slots: readonly number[], base: number): number {
  let key = 0;
  for (let i = 0; i < slots.length; i++) key = key * base + frame[slots[i]];
  return key;
}
