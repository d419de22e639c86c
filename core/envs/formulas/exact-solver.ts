/** All formulas that make a goal from a hand of cards, exactly. */
import { evaluate, joinFormulas, numbersOf, parseFormula, planSteps } from './formula.ts';
import { combine, type Rational, rational } from './rational.ts';

const ALL_OPERATORS = ['+', '-', '*', '/'] as const;

/** Largest intermediate result that a player is expected to handle. */
export const LARGEST_INTERMEDIATE = 60;

export type SolverOptions = {
  operators?: readonly string[];
  /** Tokens appended already: only formulas that begin with them. */
  prefix?: readonly string[];
};

type Term = { value: Rational; formula: string; operator: string | null };

const solutionsByHand = new Map<string, readonly string[]>();

/**
 * All distinct formulas with minimal brackets that use each number once and make `goal`, the easiest first: whole
 * non-negative intermediate results up to 60 before others, then fewer products and quotients, then shorter ones, then
 * by code point. Complete over every hand of at most five numbers.
 */
export function findAllFormulas(
  numbers: readonly number[],
  goal: number,
  operators: readonly string[] = ALL_OPERATORS,
): readonly string[] {
  const hand = [...numbers].sort((a, b) => a - b);
  const key = `${hand.join()} ${goal} ${operators.join('')}`;
  let solutions = solutionsByHand.get(key);
  if (solutions === undefined) {
    solutions = rank(
      termsOf(hand, operators).filter(({ value }) => value.numerator === goal && value.denominator === 1),
    );
    solutionsByHand.set(key, solutions);
  }
  return solutions;
}

/** The first of `findAllFormulas` that begins with `prefix`; null if there is none. */
export function canonicalSolution(
  numbers: readonly number[],
  goal: number,
  { operators = ALL_OPERATORS, prefix = [] }: SolverOptions = {},
): string | null {
  const start = prefix.join('');
  // A prefix of complete tokens: "1" must not match the "10" of another formula.
  const beginsSo = (formula: string) =>
    formula.startsWith(start) && !(/\d$/.test(start) && /^\d/.test(formula.slice(start.length)));
  return findAllFormulas(numbers, goal, operators).find(beginsSo) ?? null;
}

/** Whether every intermediate result of a formula is a whole number from 0 to 60. */
export function isWholeAndSmall(formula: string): boolean {
  return planSteps(formula).every(
    ({ result: { numerator, denominator } }) =>
      denominator === 1 && numerator >= 0 && numerator <= LARGEST_INTERMEDIATE,
  );
}

/** Whether `formula` uses exactly these numbers, only these operators, and makes the goal. */
export function isSolution(
  formula: string,
  numbers: readonly number[],
  goal: number,
  operators: readonly string[] = ALL_OPERATORS,
): boolean {
  const expression = parseFormula(formula);
  if (
    expression === null ||
    [...formula].some((character) => /[-+*/]/.test(character) && !operators.includes(character))
  )
    return false;
  const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b).join();
  if (ascending(numbersOf(expression)) !== ascending(numbers)) return false;
  const value = evaluate(expression);
  return value !== null && value.denominator === 1 && value.numerator === goal;
}

/** Every term that uses all numbers, one per distinct formula, built from all ways to split the hand in two. */
function termsOf(hand: readonly number[], operators: readonly string[]): Term[] {
  const bySubset = new Map<string, Term[]>();
  const terms = (numbers: readonly number[]): Term[] => {
    const key = numbers.join();
    const known = bySubset.get(key);
    if (known !== undefined) return known;
    const found = new Map<string, Term>();
    if (numbers.length === 1) found.set(key, { value: rational(numbers[0]), formula: key, operator: null });
    for (const [left, right] of splits(numbers)) {
      for (const a of terms(left)) {
        for (const b of terms(right)) {
          for (const operator of operators) {
            const value = combine(a.value, operator, b.value);
            if (value === null) continue;
            const formula = joinFormulas(a, operator, b);
            found.set(formula, { value, formula, operator });
          }
        }
      }
    }
    const result = [...found.values()];
    bySubset.set(key, result);
    return result;
  };
  return terms(hand);
}

/** All ordered ways to split the numbers into two non-empty groups, without repeats. */
function splits(numbers: readonly number[]): [number[], number[]][] {
  const found = new Map<string, [number[], number[]]>();
  for (let mask = 1; mask < (1 << numbers.length) - 1; mask++) {
    const left = numbers.filter((_, index) => mask & (1 << index));
    const right = numbers.filter((_, index) => !(mask & (1 << index)));
    found.set(`${left.join()}|${right.join()}`, [left, right]);
  }
  return [...found.values()];
}

function rank(terms: readonly Term[]): string[] {
  return terms
    .map(({ formula }) => ({ formula, easy: isWholeAndSmall(formula), products: formula.replace(/[^*/]/g, '').length }))
    .sort(
      (a, b) =>
        Number(b.easy) - Number(a.easy) ||
        a.products - b.products ||
        a.formula.length - b.formula.length ||
        (a.formula < b.formula ? -1 : 1),
    )
    .map(({ formula }) => formula);
}
