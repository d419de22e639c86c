/** Exact fractions of small whole numbers: what four cards can make stays far below 2^53. */

/** numerator / denominator in lowest terms, denominator > 0. */
export type Rational = { readonly numerator: number; readonly denominator: number };

export function rational(numerator: number, denominator = 1): Rational {
  const divisor = greatestCommonDivisor(Math.abs(numerator), Math.abs(denominator)) * Math.sign(denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** a operator b; null for a division by zero. */
export function combine(
  { numerator: a, denominator: b }: Rational,
  operator: string,
  { numerator: c, denominator: d }: Rational,
): Rational | null {
  switch (operator) {
    case '+':
      return rational(a * d + c * b, b * d);
    case '-':
      return rational(a * d - c * b, b * d);
    case '*':
      return rational(a * c, b * d);
    case '/':
      return c === 0 ? null : rational(a * d, b * c);
    default:
      throw new RangeError(`"${operator}" is not an operator`);
  }
}

/** `7`, `-2`, `8/3`. */
export function formatRational({ numerator, denominator }: Rational): string {
  return denominator === 1 ? String(numerator) : `${numerator}/${denominator}`;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
