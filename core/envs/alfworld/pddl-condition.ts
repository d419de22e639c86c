/** Conditions and effects of PDDL actions, read into trees in which only atoms are negated. */
import { AlfworldGameError } from './game-error.ts';
import { readTypedNames, type Lisp, type TypedName } from './lisp-list.ts';

/** `predicate` may be `=`; an argument that begins with `?` is a variable, any other is an object. */
export type Atom = {
  readonly kind: 'atom';
  readonly predicate: string;
  readonly args: readonly string[];
  readonly negated: boolean;
};
export type Condition =
  | Atom
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'exists' | 'forall'; readonly variables: readonly TypedName[]; readonly body: Condition };

/** For all bindings of `variables` under which `condition` held before the action, the atom becomes true (or false). */
export type Effect = {
  readonly variables: readonly TypedName[];
  readonly condition: Condition;
  readonly predicate: string;
  readonly args: readonly string[];
  readonly adds: boolean;
};

/** Number of arguments by predicate. */
export type Arities = ReadonlyMap<string, number>;

export const ALWAYS: Condition = { kind: 'and', parts: [] };

/** Words that PDDL reserves for things beyond this reader; named so that the refusal is clear. */
const UNSUPPORTED = new Set([
  'preference',
  'always',
  'sometime',
  'within',
  'at-most-once',
  '>',
  '<',
  '>=',
  '<=',
  'over',
  'at',
]);

/**
 * Reads a condition, pushing `not` down to the atoms. @throws AlfworldGameError naming an unknown predicate or
 * unsupported word
 */
export function readCondition(list: Lisp, arities: Arities, where: string, negated = false): Condition {
  if (typeof list === 'string') throw new AlfworldGameError(`A condition in ${where} is the bare word "${list}".`);
  const tag = list[0];
  if (tag === undefined) return negated ? { kind: 'or', parts: [] } : ALWAYS;
  const rest = list.slice(1);
  const part = (child: Lisp, flip = false): Condition => readCondition(child, arities, where, negated !== flip);
  switch (tag) {
    case 'not':
      return part(only(rest, 'not', where), true);
    case 'and':
    case 'or':
      return { kind: (tag === 'and') !== negated ? 'and' : 'or', parts: rest.map((child) => part(child)) };
    case 'imply': {
      if (rest.length !== 2)
        throw new AlfworldGameError(`"imply" takes two conditions, in ${where} it has ${rest.length}.`);
      return { kind: negated ? 'and' : 'or', parts: [part(rest[0], true), part(rest[1])] };
    }
    case 'exists':
    case 'forall': {
      if (!Array.isArray(rest[0]) || rest.length !== 2)
        throw new AlfworldGameError(`"${tag}" in ${where} needs variables and one condition.`);
      return {
        kind: (tag === 'exists') !== negated ? 'exists' : 'forall',
        variables: readTypedNames(rest[0], where),
        body: part(rest[1]),
      };
    }
    default:
      return readAtom(list, arities, where, negated);
  }
}

function only(list: readonly Lisp[], tag: string, where: string): Lisp {
  if (list.length !== 1) throw new AlfworldGameError(`"${tag}" takes one part, in ${where} it has ${list.length}.`);
  return list[0];
}

function readAtom(list: readonly Lisp[], arities: Arities, where: string, negated: boolean): Atom {
  const predicate = list[0];
  if (typeof predicate !== 'string') throw new AlfworldGameError(`A predicate was expected in ${where}, not a list.`);
  const arity = predicate === '=' ? 2 : arities.get(predicate);
  if (arity === undefined) {
    throw new AlfworldGameError(
      UNSUPPORTED.has(predicate)
        ? `"${predicate}" in ${where} is not supported.`
        : `The predicate "${predicate}" in ${where} is not declared.`,
    );
  }
  const args = list.slice(1).map((arg) => {
    if (typeof arg !== 'string')
      throw new AlfworldGameError(
        `An argument of "${predicate}" in ${where} is a list; numbers and functions are not supported in conditions.`,
      );
    return arg;
  });
  if (args.length !== arity)
    throw new AlfworldGameError(`"${predicate}" takes ${arity} arguments, in ${where} it has ${args.length}.`);
  return { kind: 'atom', predicate, args, negated };
}

/** Reads an effect into its atoms. Costs (`increase`) change nothing a player sees and are left out. */
export function readEffects(list: Lisp, arities: Arities, where: string): Effect[] {
  const result: Effect[] = [];
  const read = (effect: Lisp, variables: readonly TypedName[], conditions: readonly Condition[]): void => {
    if (typeof effect === 'string') throw new AlfworldGameError(`An effect of ${where} is the bare word "${effect}".`);
    const [tag, ...rest] = effect;
    if (tag === undefined || tag === 'increase') return;
    if (tag === 'and') for (const child of rest) read(child, variables, conditions);
    else if (tag === 'forall') {
      if (!Array.isArray(rest[0]) || rest.length !== 2)
        throw new AlfworldGameError(`"forall" in ${where} needs variables and one effect.`);
      read(rest[1], [...variables, ...readTypedNames(rest[0], where)], conditions);
    } else if (tag === 'when') {
      if (rest.length !== 2) throw new AlfworldGameError(`"when" in ${where} needs a condition and one effect.`);
      read(rest[1], variables, [...conditions, readCondition(rest[0], arities, where)]);
    } else if (tag === 'assign' || tag === 'decrease' || tag === 'scale-up' || tag === 'scale-down') {
      throw new AlfworldGameError(`The effect "${tag}" of ${where} is not supported: only costs may be numbers.`);
    } else {
      const atom = readCondition(effect, arities, where);
      if (atom.kind !== 'atom' || atom.predicate === '=')
        throw new AlfworldGameError(`"${String(tag)}" cannot be an effect, as in ${where}.`);
      result.push({
        variables,
        condition: { kind: 'and', parts: conditions },
        predicate: atom.predicate,
        args: atom.args,
        adds: !atom.negated,
      });
    }
  };
  read(list, [], []);
  return result;
}
