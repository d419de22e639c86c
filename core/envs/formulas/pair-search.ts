/**
 * A search that a thought writes down: a hand of four is split into two pairs, in the order of its cards. All results
 * of one pair are listed, then those of the other, one by one, until one of them makes the goal with one of the first
 * pair. If none does, the next split follows: ` 9 8 +17 -1 with 7 4 +11 -3 *28 no 9 7 +16 -2 with 8 4 +12 yes 12*2=24`.
 * Once the formula holds a pair, its result stands alone: ` 8 4 +12 with 9 7 +16 -2 yes 12*2=24`.
 */
import type { RandomStream } from '../../random/counter.ts';
import { LARGEST_INTERMEDIATE } from './exact-solver.ts';
import { continues } from './hand.ts';
import { combine, rational } from './rational.ts';
import { planText } from './formula.ts';

export type SearchRules = { goal: number; operators: readonly string[] };

/** One operation on two numbers. */
type Result = { text: string; operator: string; value: number };
type Pair = { numbers: readonly number[]; results: readonly Result[] };
/** `ordered`: the left pair comes first in the formula; else the larger result does. */
type Split = { left: Pair; right: Pair; ordered: boolean };

/** A formula made from a result of each pair: the right one's index in its list, and the step that joins them. */
type Joined = { formula: string; index: number; step: string; value: number };

/** The order in which results are listed and joined. */
const ORDER = ['+', '-', '*', '/'] as const;

/** Whole results from 0 to 60 of two numbers, in this order. */
function resultsOf(a: number, b: number, operators: readonly string[]): Result[] {
  return ORDER.filter((operator) => operators.includes(operator)).flatMap((operator) => {
    const value = combine(rational(a), operator, rational(b));
    return value?.denominator === 1 && value.numerator >= 0 && value.numerator <= LARGEST_INTERMEDIATE
      ? [{ text: `${a}${operator}${b}`, operator, value: value.numerator }]
      : [];
  });
}

/** The two numbers, the larger first, with their results. */
function pairOf(one: number, other: number, operators: readonly string[]): Pair {
  const numbers = one < other ? [other, one] : [one, other];
  return { numbers, results: resultsOf(numbers[0], numbers[1], operators) };
}

/** The splits of a hand of four in the order of its cards: first and second, third and fourth; none for other hands. */
function splitsOf(numbers: readonly number[], operators: readonly string[], prefix: readonly string[]): Split[] {
  if (numbers.length !== 4) return [];
  const known = knownResult(prefix, operators);
  if (known !== null) {
    const left = [...numbers];
    for (const number of known.numbers) left.splice(left.indexOf(number), 1);
    return [{ left: known, right: pairOf(left[0], left[1], operators), ordered: true }];
  }
  const [a, b, c, d] = numbers;
  return [
    [a, b, c, d],
    [a, c, b, d],
    [a, d, b, c],
  ].map(([a, b, c, d]) => ({ left: pairOf(a, b, operators), right: pairOf(c, d, operators), ordered: false }));
}

/** The pair that a formula holds as its first bracket, with the result that it makes of it; null before. */
function knownResult(prefix: readonly string[], operators: readonly string[]): Pair | null {
  const [bracket, one, operator, other] = prefix;
  if (bracket !== '(' || other === undefined || !/^\d+$/.test(one) || !/^\d+$/.test(other)) return null;
  const numbers = [Number(one), Number(other)];
  return {
    numbers,
    results: resultsOf(numbers[0], numbers[1], operators).filter((result) => result.operator === operator),
  };
}

function joinsOf({ left, right, ordered }: Split, operators: readonly string[]): Joined[] {
  return right.results.flatMap((other, index) =>
    left.results.flatMap((one) => {
      const [first, second] = ordered || one.value >= other.value ? [one, other] : [other, one];
      return resultsOf(first.value, second.value, operators).map(({ text, operator, value }) => ({
        formula: `(${first.text})${operator}(${second.text})`,
        index,
        step: `${text}=${value}`,
        value,
      }));
    }),
  );
}

/** The formula that the search finds first among those that begin with `prefix`; null if there is none. */
export function pairTarget(
  numbers: readonly number[],
  { goal, operators }: SearchRules,
  prefix: readonly string[] = [],
): string | null {
  const found = splitsOf(numbers, operators, prefix)
    .flatMap((split) => joinsOf(split, operators))
    .find(({ formula, value }) => value === goal && continues(formula, prefix));
  return found?.formula ?? null;
}

/**
 * A formula that joins any result of each pair of any split and begins with `prefix`, whatever its value; null if there
 * is none.
 */
export function randomPairs(
  numbers: readonly number[],
  operators: readonly string[],
  prefix: readonly string[],
  random: RandomStream,
): string | null {
  const formulas = splitsOf(numbers, operators, prefix)
    .flatMap((split) => joinsOf(split, operators))
    .flatMap(({ formula }) => (continues(formula, prefix) ? [formula] : []));
  return formulas.length === 0 ? null : random.pick(formulas);
}

/** A hasty player's target: the first result of either pair, whatever they make: `(9+8)+(7+4)`. */
export function hastyTarget(numbers: readonly number[], operators: readonly string[]): string {
  return joinsOf(splitsOf(numbers, operators, [])[0], operators)[0].formula;
}

/**
 * The text of a search that ends with `target`: everything listed before it, `yes`, and the step that joins the pairs.
 * A target that does not make the goal is named after the whole search (`no`); a hasty player names it where it
 * appears. For a formula that does not join two pairs, the text is its plan.
 */
export function pairSearch(
  target: string,
  numbers: readonly number[],
  { goal, operators }: SearchRules,
  prefix: readonly string[] = [],
  { hasty = false } = {},
): string {
  const list = ({ numbers, results }: Pair, count = results.length) =>
    ` ${numbers.join(' ')}${results
      .slice(0, count)
      .map(({ operator, value }) => ` ${operator}${value}`)
      .join('')}`;
  let said = '';
  let step: string | null = null;
  for (const split of splitsOf(numbers, operators, prefix)) {
    const joined = joinsOf(split, operators).find(({ formula }) => formula === target);
    const taken = joined !== undefined && (hasty || joined.value === goal) ? joined : null;
    said += `${list(split.left)} with${list(split.right, taken === null ? undefined : taken.index + 1)}`;
    if (taken !== null) return `${said} ${taken.value === goal ? 'yes' : 'no'} ${taken.step}`;
    said += ' no';
    step ??= joined?.step ?? null;
  }
  return said + (step === null ? planText(target) : ` ${step}`);
}
