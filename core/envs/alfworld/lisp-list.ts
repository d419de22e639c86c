/** Nested lists of PDDL text: parentheses and lower-cased words, comments left out. */
import { AlfworldGameError } from './game-error.ts';

/** A word or a list of these; PDDL knows nothing else. */
export type Lisp = string | Lisp[];

const TOKEN = /;[^\n]*|[()]|\?[^\s()?;]*|[^\s()?;]+/g;

/**
 * Reads one parenthesised list. A `?` begins a new word even without a blank before it, as Fast Downward reads it.
 * @throws AlfworldGameError when the text is not exactly one list, or has a character outside ASCII outside a comment
 */
export function readLisp(text: string, what: string): Lisp[] {
  const open: Lisp[][] = [];
  let whole: Lisp[] | null = null;
  for (const token of text.toLowerCase().match(TOKEN) ?? []) {
    if (token[0] === ';') continue;
    if (whole) throw new AlfworldGameError(`The ${what} continues after its last parenthesis, at "${token}".`);
    if (token === '(') open.push([]);
    else if (token === ')') {
      const list = open.pop();
      if (!list) throw new AlfworldGameError(`The ${what} begins with ")".`);
      const outer = open.at(-1);
      if (outer) outer.push(list);
      else whole = list;
    } else {
      const list = open.at(-1);
      if (!list) throw new AlfworldGameError(`The ${what} must begin with "(", not with "${token}".`);
      if (/[\u0080-\uffff]/.test(token))
        throw new AlfworldGameError(`The ${what} has a character outside ASCII in "${token}".`);
      list.push(token);
    }
  }
  if (!whole) throw new AlfworldGameError(`The ${what} ends before its last parenthesis is closed.`);
  return whole;
}

/** A name with its type, from `a b - t c`; a name without one is an `object`. */
export type TypedName = { readonly name: string; readonly type: string };

/**
 * Reads a typed list. Type names are not checked: an undeclared type simply has no members (`?l - location,` in
 * ALFWorld's own domain).
 */
export function readTypedNames(list: readonly Lisp[], where: string): TypedName[] {
  const result: TypedName[] = [];
  let waiting: string[] = [];
  for (let i = 0; i < list.length; i++) {
    const word = list[i];
    if (word === '-') {
      const type = list[++i];
      if (typeof type !== 'string') {
        const form = Array.isArray(type) ? `"(${String(type[0])} ...)"` : 'nothing';
        throw new AlfworldGameError(`A type must be one name, but ${where} has ${form} after "-".`);
      }
      for (const name of waiting) result.push({ name, type });
      waiting = [];
    } else if (typeof word === 'string') waiting.push(word);
    else throw new AlfworldGameError(`A list of names was expected in ${where}, not "(${String(word[0])} ...)".`);
  }
  for (const name of waiting) result.push({ name, type: 'object' });
  return result;
}
