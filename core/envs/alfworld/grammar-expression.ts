/**
 * The small part of Python that grammar texts use inside braces: names, attributes, texts, `+`, `or`, `and`, `not`, `a
 * if b else c`.
 */
import type { Entity } from './entities.ts';
import { AlfworldGameError } from './game-error.ts';

/** What an expression may yield; TextWorld's unset attributes are null (`None`). */
type Value = string | Entity | boolean | null;
export type Variables = ReadonlyMap<string, Entity>;
export type Expression = (variables: Variables) => Value;

const ATTRIBUTES = ['id', 'name', 'type', 'definite', 'indefinite'] as const;
const UNSET = new Set(['noun', 'adj', 'desc', 'room_type', 'synonyms']);

/** The text of a value, as Python's `str` gives it. */
export function textOf(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? value : value.name;
}

/**
 * @throws AlfworldGameError when it is read, on anything but this part of Python; when it is evaluated, on an unknown
 * name
 */
export function readExpression(text: string): Expression {
  const source = text.trim();
  const tokens = source.match(/"[^"]*"|'[^']*'|[\p{L}_][\p{L}\p{N}_]*|\S/gu) ?? [];
  let at = 0;
  const refuse = (): never => {
    throw new AlfworldGameError(
      `The expression "{${source}}" of the text grammar is not supported${tokens[at] ? ` at "${tokens[at]}"` : ''}.`,
    );
  };
  const take = (word: string): boolean => (tokens[at] === word ? Boolean(++at) : false);

  const atom = (): Expression => {
    const word = tokens[at];
    if (word === undefined) return refuse();
    if (take('(')) {
      const inner = choice();
      return take(')') ? inner : refuse();
    }
    if (/^["']/.test(word)) {
      if (word.includes('\\') || word.length < 2) return refuse();
      at++;
      return () => word.slice(1, -1);
    }
    if (!/^[\p{L}_]/u.test(word) || ['if', 'else', 'or', 'and', 'not', 'in', 'is', 'lambda'].includes(word))
      return refuse();
    at++;
    return (variables) =>
      variables.get(word) ??
      fail(`The expression "{${source}}" of the text grammar names "${word}", which is not bound to anything.`);
  };
  const attribute = (): Expression => {
    let value = atom();
    while (take('.')) {
      const name = tokens[at++] ?? refuse();
      const known = ATTRIBUTES.find((each) => each === name);
      if (!known && !UNSET.has(name)) {
        at--;
        return refuse();
      }
      const owner = value;
      value = (variables) => {
        const entity = owner(variables);
        if (entity === null || typeof entity !== 'object')
          return fail(`"${name}" in "{${source}}" is asked of something that is not a thing of the game.`);
        return known ? entity[known] : null;
      };
    }
    return value;
  };
  const sum = (): Expression => {
    let value = attribute();
    while (take('+')) {
      const left = value;
      const right = attribute();
      value = (variables) => {
        const [a, b] = [left(variables), right(variables)];
        if (typeof a !== 'string' || typeof b !== 'string')
          return fail(`"+" in "{${source}}" joins something that is not text.`);
        return a + b;
      };
    }
    return value;
  };
  const negation = (): Expression => {
    if (!take('not')) return sum();
    const value = negation();
    return (variables) => !truth(value(variables));
  };
  const conjunction = (): Expression => {
    const left = negation();
    if (!take('and')) return left;
    const right = conjunction();
    return (variables) => {
      const value = left(variables);
      return truth(value) ? right(variables) : value;
    };
  };
  const disjunction = (): Expression => {
    const left = conjunction();
    if (!take('or')) return left;
    const right = disjunction();
    return (variables) => {
      const value = left(variables);
      return truth(value) ? value : right(variables);
    };
  };
  const choice = (): Expression => {
    const first = disjunction();
    if (!take('if')) return first;
    const condition = disjunction();
    if (!take('else')) return refuse();
    const second = choice();
    return (variables) => (truth(condition(variables)) ? first : second)(variables);
  };

  const expression = choice();
  return at < tokens.length ? refuse() : expression;
}

function truth(value: Value): boolean {
  return value !== null && value !== '' && value !== false;
}

function fail(sentence: string): never {
  throw new AlfworldGameError(sentence);
}
