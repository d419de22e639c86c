/** The original's arithmetic: evaluates a formula's text as Python does, with whole numbers of any size and float64. */

/** A formula game appends at most 21 entries of at most two characters. */
const LONGEST_FORMULA = 64;

/**
 * Whole numbers beyond this many bits count as no value: four cards cannot get from there back to a small goal.
 */
const LARGEST_BITS = 1 << 13;

/** Python's int and float. */
type PythonNumber = bigint | number;

/**
 * The evaluation ended without a number: Python raises an error, or gives a tuple or a complex number, which equal no
 * whole number.
 */
class NoNumber extends Error {}

/**
 * The value of a Python expression over + - * / // ** and brackets; null if Python raises (`1 2`, `(5)(6)`, a division
 * by zero, an overflow) or the value is not a real number. Takes microseconds for any text: `9**9**9**9`, which would
 * occupy Python forever, has no value.
 */
export function evaluatePython(formula: string): PythonNumber | null {
  if (formula.length > LONGEST_FORMULA) return null;
  try {
    return new Reader(formula.match(/\d+|\*\*|\/\/|[^ ]/g) ?? []).expression();
  } catch (error) {
    if (error instanceof NoNumber) return null;
    throw error;
  }
}

/**
 * Recursive descent by the precedence of Python's grammar: sum < product < sign < power, whose right side may have a
 * sign again.
 */
class Reader {
  readonly #tokens: readonly string[];
  #position = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  expression(): PythonNumber {
    const value = this.#sum();
    if (this.#position < this.#tokens.length) throw new NoNumber();
    return value;
  }

  #sum(): PythonNumber {
    return this.#chain(['+', '-'], () => this.#product());
  }

  #product(): PythonNumber {
    return this.#chain(['*', '/', '//'], () => this.#signed());
  }

  #chain(operators: readonly string[], operand: () => PythonNumber): PythonNumber {
    let value = operand();
    while (operators.includes(this.#tokens[this.#position]))
      value = combinePython(value, this.#tokens[this.#position++], operand());
    return value;
  }

  #signed(): PythonNumber {
    switch (this.#tokens[this.#position]) {
      case '+':
        this.#position++;
        return this.#signed();
      case '-':
        this.#position++;
        return -this.#signed();
      default:
        return this.#power();
    }
  }

  #power(): PythonNumber {
    const base = this.#operand();
    if (this.#tokens[this.#position] !== '**') return base;
    this.#position++;
    return power(base, this.#signed());
  }

  /** Brackets right after a value are a call, which numbers do not allow: they are left over, like a second number. */
  #operand(): PythonNumber {
    const token = this.#tokens[this.#position++] ?? '';
    if (token === '(') {
      const value = this.#sum();
      if (this.#tokens[this.#position++] !== ')') throw new NoNumber();
      return value;
    }
    // No leading zeros, except in zero itself.
    if (!/^(0+|[1-9]\d*)$/.test(token)) throw new NoNumber();
    return BigInt(token);
  }
}

function combinePython(a: PythonNumber, operator: string, b: PythonNumber): PythonNumber {
  const bothWhole = typeof a === 'bigint' && typeof b === 'bigint';
  if ((operator === '/' || operator === '//') && Number(b) === 0) throw new NoNumber();
  if (bothWhole) {
    if (operator === '/') return trueQuotient(a, b);
    return withinReach(
      operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : floorQuotient(a, b),
    );
  }
  const [x, y] = [toFloat(a), toFloat(b)];
  return operator === '+'
    ? x + y
    : operator === '-'
      ? x - y
      : operator === '*'
        ? x * y
        : operator === '/'
          ? x / y
          : floatFloorQuotient(x, y);
}

function withinReach(value: bigint): bigint {
  if (bitLength(value) > LARGEST_BITS) throw new NoNumber();
  return value;
}

function bitLength(value: bigint): number {
  return (value < 0n ? -value : value).toString(16).length * 4;
}

/** The nearest float64; Python raises OverflowError beyond its range. */
function toFloat(value: PythonNumber): number {
  const float = Number(value);
  if (typeof value === 'bigint' && !Number.isFinite(float)) throw new NoNumber();
  return float;
}

/** a / b of whole numbers, rounded once: numbers beyond 2^53 must not be rounded before they are divided. */
function trueQuotient(a: bigint, b: bigint): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isSafeInteger(x) && Number.isSafeInteger(y)) return x / y;
  const negative = a < 0n !== b < 0n;
  const [dividend, divisor] = [a < 0n ? -a : a, b < 0n ? -b : b];
  // 64 or more bits of the quotient; the last one is set when digits follow, so that the rounding to 53 sees them.
  const shift = Math.max(0, 68 - bitLength(dividend) + bitLength(divisor));
  const scaled = dividend << BigInt(shift);
  const quotient = (scaled / divisor) | (scaled % divisor === 0n ? 0n : 1n);
  const half = Math.floor(shift / 2);
  const float = Number(quotient) * 2 ** -half * 2 ** (half - shift);
  if (!Number.isFinite(float)) throw new NoNumber();
  return negative ? -float : float;
}

function floorQuotient(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

/** CPython's float_floor_div: the remainder first, then the quotient, snapped to the nearest whole number. */
function floatFloorQuotient(a: number, b: number): number {
  let remainder = a % b;
  let quotient = (a - remainder) / b;
  if (remainder !== 0 && b < 0 !== remainder < 0) {
    remainder += b;
    quotient -= 1;
  }
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function power(base: PythonNumber, exponent: PythonNumber): PythonNumber {
  if (typeof base === 'bigint' && typeof exponent === 'bigint' && exponent >= 0n) {
    const isUnit = base >= -1n && base <= 1n;
    if (!isUnit && (exponent > LARGEST_BITS || BigInt(bitLength(base) - 4) * exponent > LARGEST_BITS))
      throw new NoNumber();
    return isUnit ? unitPower(base, exponent) : withinReach(base ** exponent);
  }
  const [x, y] = [toFloat(base), toFloat(exponent)];
  if (y === 0 || x === 1 || (x === -1 && !Number.isFinite(y) && !Number.isNaN(y))) return 1;
  if (x === 0 && y < 0) throw new NoNumber();
  const value = x ** y;
  // A negative base and a fraction make a complex number; an overflow raises.
  if (Number.isFinite(x) && Number.isFinite(y) && !Number.isFinite(value)) throw new NoNumber();
  return value;
}

function unitPower(base: bigint, exponent: bigint): bigint {
  return base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : exponent === 0n ? 1n : base;
}
