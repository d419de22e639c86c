/** Conditions with every name looked up: predicates as table numbers, variables and objects as places of one frame. */
import type { Entities } from './entities.ts';
import { AlfworldGameError } from './game-error.ts';
import type { Condition } from './pddl-condition.ts';
import type { TypedName } from './lisp-list.ts';

/** A condition over a frame. `slots` are places in it; `equal` compares two of them. */
export type BoundCondition =
  | BoundAtom
  | { readonly kind: 'equal'; readonly slots: readonly [number, number]; readonly negated: boolean }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly BoundCondition[] }
  | { readonly kind: 'exists' | 'forall'; readonly slots: readonly number[]; readonly body: BoundCondition };
export type BoundAtom = {
  readonly kind: 'atom';
  readonly table: number;
  readonly slots: readonly number[];
  readonly negated: boolean;
};

/** Variable name -> place. */
export type Scope = ReadonlyMap<string, number>;

/** Allocates the places of one action or goal: those of objects are always filled, those of variables have a type. */
export class FrameLayout {
  readonly #entities: Entities;
  readonly #tableOf: ReadonlyMap<string, number>;
  readonly #objects = new Map<string, number>();
  /** The things allowed at each place; null where all are. */
  readonly members: (Uint8Array | null)[] = [];
  readonly #values: number[] = [];
  readonly #where: string;

  constructor(entities: Entities, tableOf: ReadonlyMap<string, number>, where: string) {
    this.#entities = entities;
    this.#tableOf = tableOf;
    this.#where = where;
  }

  /** A frame with the objects in place and -1 for the variables. */
  frame(): Int32Array {
    return Int32Array.from(this.#values);
  }

  isObject(slot: number): boolean {
    return this.#values[slot] >= 0;
  }

  /** The scope with these variables added, each at a new place, so inner names may hide outer ones. */
  extend(scope: Scope, variables: readonly TypedName[]): { scope: Scope; slots: number[] } {
    const inner = new Map(scope);
    const slots = variables.map(({ name, type }) => {
      const members = this.#entities.members(type);
      const slot = this.#place(-1, members.every((member) => member === 1) ? null : members);
      inner.set(name, slot);
      return slot;
    });
    return { scope: inner, slots };
  }

  /** The table of a predicate. */
  table(predicate: string): number {
    return this.#tableOf.get(predicate)!;
  }

  /** @throws AlfworldGameError on a variable without a quantifier or an object that is not declared */
  slot(name: string, scope: Scope): number {
    const found = scope.get(name) ?? this.#objects.get(name);
    if (found !== undefined) return found;
    if (name[0] === '?') throw new AlfworldGameError(`The variable "${name}" of ${this.#where} is not declared.`);
    const entity = this.#entities.get(name);
    if (!entity) throw new AlfworldGameError(`The object "${name}" of ${this.#where} is not declared.`);
    const slot = this.#place(entity.index, null);
    this.#objects.set(name, slot);
    return slot;
  }

  bind(condition: Condition, scope: Scope): BoundCondition {
    switch (condition.kind) {
      case 'atom': {
        const slots = condition.args.map((arg) => this.slot(arg, scope));
        if (condition.predicate === '=')
          return { kind: 'equal', slots: [slots[0], slots[1]], negated: condition.negated };
        return { kind: 'atom', table: this.table(condition.predicate), slots, negated: condition.negated };
      }
      case 'and':
      case 'or':
        return { kind: condition.kind, parts: condition.parts.map((part) => this.bind(part, scope)) };
      case 'exists':
      case 'forall': {
        const inner = this.extend(scope, condition.variables);
        return { kind: condition.kind, slots: inner.slots, body: this.bind(condition.body, inner.scope) };
      }
    }
  }

  #place(value: number, members: Uint8Array | null): number {
    this.#values.push(value);
    this.members.push(members);
    return this.#values.length - 1;
  }
}

/** The negated condition. */
export function negate(condition: BoundCondition): BoundCondition {
  switch (condition.kind) {
    case 'atom':
    case 'equal':
      return { ...condition, negated: !condition.negated };
    case 'and':
    case 'or':
      return { kind: condition.kind === 'and' ? 'or' : 'and', parts: condition.parts.map(negate) };
    case 'exists':
    case 'forall':
      return {
        kind: condition.kind === 'exists' ? 'forall' : 'exists',
        slots: condition.slots,
        body: negate(condition.body),
      };
  }
}

/** Places that must be filled from outside before the condition can be tested. */
export function freeSlots(condition: BoundCondition): Set<number> {
  switch (condition.kind) {
    case 'atom':
    case 'equal':
      return new Set(condition.slots);
    case 'and':
    case 'or':
      return new Set(condition.parts.flatMap((part) => [...freeSlots(part)]));
    case 'exists':
    case 'forall':
      return freeSlots(condition.body).difference(new Set(condition.slots));
  }
}

/** Places that are always filled when the condition holds. */
export function filledSlots(condition: BoundCondition): Set<number> {
  switch (condition.kind) {
    case 'atom':
      return new Set(condition.negated ? [] : condition.slots);
    case 'and':
      return new Set(condition.parts.flatMap((part) => [...filledSlots(part)]));
    case 'exists':
      return filledSlots(condition.body);
    default:
      return new Set();
  }
}

/** Numbers of all tables that the condition reads. */
export function tablesOf(condition: BoundCondition): Set<number> {
  switch (condition.kind) {
    case 'atom':
      return new Set([condition.table]);
    case 'equal':
      return new Set();
    case 'and':
    case 'or':
      return new Set(condition.parts.flatMap((part) => [...tablesOf(part)]));
    default:
      return tablesOf(condition.body);
  }
}
