/** Correct arithmetic that ignores the goal, as the weak start of the built-in model learned it. */
import type { RandomStream } from '../../random/counter.ts';
import { isWholeAndSmall, LARGEST_INTERMEDIATE } from './exact-solver.ts';
import { joinFormulas } from './formula.ts';

type Part = { value: number; formula: string; operator: string | null };

/**
 * A formula that joins all numbers by randomly drawn operations with whole, non-negative results up to 60; null when a
 * draw ran into a dead end.
 */
export function randomChain(
  numbers: readonly number[],
  operators: readonly string[],
  random: RandomStream,
): string | null {
  let parts: Part[] = numbers.map((value) => ({ value, formula: String(value), operator: null }));
  while (parts.length > 1) {
    const joins = allJoins(parts, operators);
    if (joins.length === 0) return null;
    const { first, second, joined } = random.pick(joins);
    parts = [...parts.filter((_, index) => index !== first && index !== second), joined];
  }
  // Dropped brackets can change the order of evaluation, and with it the intermediate results.
  return isWholeAndSmall(parts[0].formula) ? parts[0].formula : null;
}

function allJoins(
  parts: readonly Part[],
  operators: readonly string[],
): { first: number; second: number; joined: Part }[] {
  return parts.flatMap((left, first) =>
    parts.flatMap((right, second) =>
      first === second
        ? []
        : operators.flatMap((operator) => {
            const value = apply(left.value, right.value, operator);
            if (value === null || value < 0 || value > LARGEST_INTERMEDIATE) return [];
            return [{ first, second, joined: { value, operator, formula: joinFormulas(left, operator, right) } }];
          }),
    ),
  );
}

/** The result; null if it is not a whole number. */
function apply(a: number, b: number, operator: string): number | null {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    default:
      return b !== 0 && a % b === 0 ? a / b : null;
  }
}
