/**
 * The tool that a model may call while it judges a formula game: all correct formulas of four cards, by the exact
 * solver.
 */
import { z } from 'zod';
import { findAllFormulas } from '../envs/formulas/exact-solver.ts';
import { continues, formulaGame } from '../envs/formulas/hand.ts';

export const FORMULA_TOOL_NAME = 'find_all_correct_formulas';

const CARDS = ['card1', 'card2', 'card3', 'card4'] as const;
/** The most formulas in an answer, which is paid for by the token. */
const MOST_FORMULAS = 20;

const RANKS: Readonly<Record<string, number>> = { A: 1, T: 10, J: 10, Q: 10, K: 10 };

/** A card's number: models also write numbers as text, and ranks. */
const card = z
  .union([z.number(), z.string()])
  .transform((value) => RANKS[String(value).trim().toUpperCase()] ?? Math.min(Number(value), 10))
  .pipe(z.int().min(1).max(10));
const argumentsSchema = z.object(Object.fromEntries(CARDS.map((name) => [name, card])));

/** The tool as a request describes it. */
export const FORMULA_TOOL = {
  type: 'function',
  function: {
    name: FORMULA_TOOL_NAME,
    description:
      'Computes exactly all formulas that make 24 out of the numbers of four cards with +, -, *, / and brackets, ' +
      'each number once.',
    strict: true,
    parameters: {
      type: 'object',
      properties: Object.fromEntries(
        CARDS.map((name) => [
          name,
          { type: 'integer', description: 'What the card counts, 1 to 10 (A 1; J, Q and K 10).' },
        ]),
      ),
      required: [...CARDS],
      additionalProperties: false,
    },
  },
} as const;

/**
 * Answers a call as JSON text. Formulas that continue the current one come first; the answer to wrong arguments says
 * what is wrong.
 */
export function answerFormulaTool(name: string, argumentsText: string, current: readonly string[]): string {
  if (name !== FORMULA_TOOL_NAME)
    return JSON.stringify({ error: `There is no tool ${name}; the only one is ${FORMULA_TOOL_NAME}.` });
  let parsed: unknown;
  try {
    parsed = JSON.parse(argumentsText);
  } catch {
    return JSON.stringify({ error: 'The arguments are not JSON.' });
  }
  const cards = argumentsSchema.safeParse(parsed);
  if (!cards.success) return JSON.stringify({ error: `Give ${CARDS.join(', ')} as whole numbers from 1 to 10.` });
  const { goal, operators } = formulaGame('points24');
  const all = findAllFormulas(Object.values(cards.data), goal, operators);
  const [onward, others] = [
    all.filter((formula) => continues(formula, current)),
    all.filter((formula) => !continues(formula, current)),
  ];
  return JSON.stringify({ number_of_formulas: all.length, formulas: [...onward, ...others].slice(0, MOST_FORMULAS) });
}
