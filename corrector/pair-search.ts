/**
 * A search that a thought writes down. A hand of two: its results are listed, and the one that is the goal is sought: ` 6*2=12 6+2=8`. A hand of four: it
 * is split into two pairs, all results of either are listed, and two of them that make the goal are sought; when there are none, the next split follows:
 * ` 9-8=1 9+8=17 7*4=28 7-4=3 7+4=11 no 9-7=2 9+7=16 8*4=32 8-4=4 8+4=12 8/4=2 12*2=24`.
 */
import type { RandomStream } from '../random/counter.ts';
import { LARGEST_INTERMEDIATE } from './exact-solver.ts';
import { continues } from './hand.ts';
import { combine, rational } from './rational.ts';
import { planText } from './solver-thought.ts';

export type SearchRules = { goal: number; operators: readonly string[] };

/** One operation on two numbers, the larger first. */
type Result = { text: string; value: number };

/** The two halves of a hand, by their results; a hand of two is one half. */
type Split = { name: string; left: readonly Result[]; right: readonly Result[] };

/** A formula made of a result of either half, and the step that joins them. */
type Joined = { formula: string; step: string; value: number };

/** In which results are listed. */
const ORDER = ['*', '-', '+', '/'] as const;

/** Whole results up to 60 of two numbers. */
function resultsOf(one: number, other: number, operators: readonly string[]): Result[] {
  const [a, b] = one < other ? [other, one] : [one, other];
  return ORDER.filter((operator) => operators.includes(operator)).flatMap((operator) => {
    const value = combine(rational(a), operator, rational(b));
    return value?.denominator === 1 && value.numerator <= LARGEST_INTERMEDIATE ? [{ text: `${a}${operator}${b}`, value: value.numerator }] : [];
  });
}

/** The different splits of a hand of four, the one that puts the two largest numbers together first; the only one of a hand of two; none of other hands. */
function splitsOf(numbers: readonly number[], operators: readonly string[]): Split[] {
  if (numbers.length === 2) return [{ name: numbers.join(' '), left: resultsOf(numbers[0], numbers[1], operators), right: [] }];
  if (numbers.length !== 4) return [];
  const [a, b, c, d] = [...numbers].sort((x, y) => y - x);
  const splits = [[a, b, c, d], [a, c, b, d], [a, d, b, c]].map(([a, b, c, d]) => ({ name: `${a} ${b} ${c} ${d}`, left: resultsOf(a, b, operators), right: resultsOf(c, d, operators) }));
  return splits.filter(({ name }, place) => splits.findIndex((split) => split.name === name) === place);
}

function joinsOf({ left, right }: Split, operators: readonly string[]): Joined[] {
  if (right.length === 0) return left.map(({ text, value }) => ({ formula: text, step: '', value }));
  return left.flatMap((one) =>
    right.flatMap((other) =>
      resultsOf(one.value, other.value, operators).map(({ text, value }) => {
        const operator = /[-+*/]/.exec(text)![0];
        const [first, second] = one.value < other.value ? [other, one] : [one, other];
        return { formula: `(${first.text})${operator}(${second.text})`, step: ` ${text}=${value}`, value };
      }),
    ),
  );
}

const makes = (split: Split, { goal, operators }: SearchRules) => joinsOf(split, operators).some(({ value }) => value === goal);

/** The formula that the search finds first among those that begin with `prefix`; null when there is none. */
export function pairTarget(numbers: readonly number[], { goal, operators }: SearchRules, prefix: readonly string[] = []): string | null {
  const found = splitsOf(numbers, operators).flatMap((split) => joinsOf(split, operators)).find(({ formula, value }) => value === goal && continues(formula, prefix));
  return found?.formula ?? null;
}

/** A formula that joins any result of either half of any split: a player who calculates rightly, but ignores the goal. Null where there is none. */
export function randomPairs(numbers: readonly number[], operators: readonly string[], random: RandomStream): string | null {
  const splits = splitsOf(numbers, operators);
  const joins = splits.length === 0 ? [] : joinsOf(random.pick(splits), operators);
  return joins.length === 0 ? null : random.pick(joins).formula;
}

/**
 * The true accounts of a search that ends with `target`: splits that make nothing of the goal, in any order and none twice, then the target's split and
 * step, or its plan where it joins no two pairs; first the solver's own, which looks at the splits in their order, and last the one that looks at no other.
 */
export function pairSearches(target: string, numbers: readonly number[], rules: SearchRules): string[] {
  const splits = splitsOf(numbers, rules.operators);
  const list = ({ left, right }: Split) => [...left, ...right].map(({ text, value }) => ` ${text}=${value}`).join('');
  const takenPlace = splits.findIndex((split) => joinsOf(split, rules.operators).some(({ formula }) => formula === target));
  const taken = takenPlace < 0 ? null : splits[takenPlace];
  const end = taken === null ? planText(target) : `${list(taken)}${joinsOf(taken, rules.operators).find(({ formula }) => formula === target)!.step}`;
  const hopeless = splits.filter((split) => split !== taken && !makes(split, rules));
  const own = hopeless.filter((split) => taken === null || splits.indexOf(split) < takenPlace);
  return [own, ...sequences(hopeless)].map((looked) => looked.map((split) => `${list(split)} no`).join('') + end);
}

/** All ordered choices, the empty one last. */
function sequences<T>(items: readonly T[]): T[][] {
  return [...items.flatMap((item) => sequences(items.filter((other) => other !== item)).map((rest) => [item, ...rest])), []];
}
