/** Formulas against a second exact implementation: trees over BigInt fractions. */
import test from 'ava';
import fc from 'fast-check';
import { evaluate, type FormulaPart, joinFormulas, numbersOf, parseFormula } from '../../core/envs/formulas/formula.ts';

type Tree = number | { operator: string; left: Tree; right: Tree };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 13 }),
    fc.record({ operator: fc.constantFrom('+', '-', '*', '/'), left: tie('tree'), right: tie('tree') }),
  ),
}));

const bracketed = (node: Tree): string =>
  typeof node === 'number' ? String(node) : `(${bracketed(node.left)}${node.operator}${bracketed(node.right)})`;
const shortest = (node: Tree): FormulaPart =>
  typeof node === 'number'
    ? { formula: String(node), operator: null }
    : { formula: joinFormulas(shortest(node.left), node.operator, shortest(node.right)), operator: node.operator };
const leaves = (node: Tree): number[] =>
  typeof node === 'number' ? [node] : [...leaves(node.left), ...leaves(node.right)];

/** numerator, denominator; null for a division by zero. */
function valueOf(node: Tree): [bigint, bigint] | null {
  if (typeof node === 'number') return [BigInt(node), 1n];
  const [left, right] = [valueOf(node.left), valueOf(node.right)];
  if (left === null || right === null) return null;
  const [[a, b], [c, d]] = [left, right];
  if (node.operator === '/') return c === 0n ? null : [a * d, b * c];
  return node.operator === '*' ? [a * c, b * d] : [node.operator === '+' ? a * d + c * b : a * d - c * b, b * d];
}

test(
  'read from text with all brackets or with the fewest, a formula has the ' + 'value of its tree, and its numbers',
  (t) => {
    fc.assert(
      fc.property(tree, (node) => {
        const expected = valueOf(node);
        for (const text of [bracketed(node), shortest(node).formula]) {
          if (text.length > 64) continue;
          const expression = parseFormula(text)!;
          const value = evaluate(expression);
          t.deepEqual(numbersOf(expression), leaves(node));
          if (expected === null) t.is(value, null, text);
          else t.is(BigInt(value!.numerator) * expected[1], expected[0] * BigInt(value!.denominator), text);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  },
);

test('any text is a formula or none: nothing throws, and what is one stays one in brackets', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-*/()= '), maxLength: 40 }), (text) => {
      const expression = parseFormula(text);
      if (expression !== null) t.deepEqual(parseFormula(`(${text})`), expression);
    }),
    { seed: 1, numRuns: 1000 },
  );
  t.pass();
});
