/** Formulas of the card games: numbers, + - * / and brackets, read and evaluated exactly. */
import { combine, formatRational, type Rational, rational } from './rational.ts';

/** A formula as a tree. */
export type Expression =
  | { kind: 'number'; value: number }
  | { kind: 'operation'; operator: string; left: Expression; right: Expression };

/** Longer texts are not formulas of a card game: four cards need at most 11 tokens. */
const LONGEST_FORMULA = 64;

/** The tokens a player appends, in order: numbers, operators, brackets. */
export function formulaTokens(formula: string): string[] {
  return formula.match(/\d+|[^\d]/g) ?? [];
}

/**
 * Reads a formula with the usual precedence, left to right; null if it is not one (unary signs and other characters are
 * not allowed).
 */
export function parseFormula(formula: string): Expression | null {
  if (formula.length > LONGEST_FORMULA) return null;
  const tokens = formulaTokens(formula);
  let position = 0;
  const operand = (): Expression | null => {
    const token = tokens[position++];
    if (token === '(') {
      const inner = chain(['+', '-'], product);
      return tokens[position++] === ')' ? inner : null;
    }
    return /^(0|[1-9]\d*)$/.test(token ?? '') ? { kind: 'number', value: Number(token) } : null;
  };
  const chain = (operators: readonly string[], next: () => Expression | null): Expression | null => {
    let left = next();
    while (left !== null && operators.includes(tokens[position])) {
      const operator = tokens[position++];
      const right = next();
      left = right && { kind: 'operation', operator, left, right };
    }
    return left;
  };
  const product = () => chain(['*', '/'], operand);
  const expression = chain(['+', '-'], product);
  return position === tokens.length ? expression : null;
}

/** Numbers of a formula, left to right. */
export function numbersOf(expression: Expression): number[] {
  return expression.kind === 'number'
    ? [expression.value]
    : [...numbersOf(expression.left), ...numbersOf(expression.right)];
}

/** The exact value; null for a division by zero. */
export function evaluate(expression: Expression): Rational | null {
  if (expression.kind === 'number') return rational(expression.value);
  const left = evaluate(expression.left);
  const right = evaluate(expression.right);
  return left && right && combine(left, expression.operator, right);
}

/** One operation of a formula's arithmetic. */
export type PlanStep = {
  /** `10-4=6`. */
  text: string;
  result: Rational;
  /** Numbers on the table afterwards, in ascending order. */
  left: string[];
};

/**
 * The arithmetic of a formula in the order of evaluation. Throws RangeError if it is not a formula or divides by zero.
 */
export function planSteps(formula: string): PlanStep[] {
  const expression = parseFormula(formula);
  if (expression === null) throw new RangeError(`"${formula}" is not a formula`);
  let table = numbersOf(expression).map((number) => rational(number));
  const steps: PlanStep[] = [];
  const walk = (node: Expression): Rational => {
    if (node.kind === 'number') return rational(node.value);
    const left = walk(node.left);
    const right = walk(node.right);
    const result = combine(left, node.operator, right);
    if (result === null) throw new RangeError(`"${formula}" divides by zero`);
    table = [...without(without(table, left), right), result].sort(
      (a, b) => a.numerator / a.denominator - b.numerator / b.denominator,
    );
    steps.push({
      text: `${formatRational(left)}${node.operator}${formatRational(right)}=${formatRational(result)}`,
      result,
      left: table.map(formatRational),
    });
    return result;
  };
  walk(expression);
  return steps;
}

function without(table: readonly Rational[], value: Rational): Rational[] {
  const index = table.findIndex(
    ({ numerator, denominator }) => numerator === value.numerator && denominator === value.denominator,
  );
  return table.filter((_, position) => position !== index);
}

/** A part of a formula under construction; `operator` is its outermost one. */
export type FormulaPart = { formula: string; operator: string | null };

const PRECEDENCE: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2 };

/** `left operator right` with brackets only where the value needs them. */
export function joinFormulas(left: FormulaPart, operator: string, right: FormulaPart): string {
  const level = PRECEDENCE[operator];
  const levelOf = ({ operator }: FormulaPart) => (operator === null ? 3 : PRECEDENCE[operator]);
  const bracketRight = levelOf(right) < level || (levelOf(right) === level && (operator === '-' || operator === '/'));
  return `${levelOf(left) < level ? `(${left.formula})` : left.formula}${operator}${bracketRight ? `(${right.formula})` : right.formula}`;
}

/** ` 10-4=6 left 5 6 9 9-5=4 left 4 6 6*4=24`: each step and what it leaves, numbers in order. */
export function planText(target: string): string {
  return planSteps(target)
    .map(({ text, left }) => ` ${text}${left.length > 1 ? ` left ${left.join(' ')}` : ''}`)
    .join('');
}

/** What follows the first `appended` tokens of the target; the equals sign after the last. */
export function nextAction(target: string, appended: number): string {
  return formulaTokens(target)[appended] ?? '=';
}
