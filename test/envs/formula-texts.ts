/** Random formulas over + - * with whole numbers from 0 to 20 and brackets, as text. */
import fc from 'fast-check';

const { formula } = fc.letrec<{ formula: string }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 20 }).map(String),
    fc
      .tuple(tie('formula'), fc.constantFrom('+', '-', '*'), tie('formula'))
      .map(([a, operator, b]) => `(${a}${operator}${b})`),
  ),
}));

export const formulaTexts: fc.Arbitrary<string> = formula.filter((text) => text.length <= 64);
