/** The exact solver's view of a card state: the numbers on the table, the formula so far, and the goal. */
import { ConfigError } from '../../../configs/schema.ts';
import { cardNumber, rankName } from '../card.ts';
import type { JsonState } from '../env.ts';
import { formulaTokens } from './formula.ts';

export type Hand = {
  /** Ranks as a player reads them: A, 2..10, J, Q, K. */
  ranks: string[];
  /** Numbers they count. */
  numbers: number[];
  /** Tokens appended so far. */
  formula: readonly string[];
};

/** Goal and operators of the formula games. */
export const FORMULA_GAMES: Readonly<Record<string, { goal: number; operators: readonly string[] }>> = {
  points24: { goal: 24, operators: ['+', '-', '*', '/'] },
  ezpoints: { goal: 12, operators: ['+', '*'] },
};

export function formulaGame(environment: string): { goal: number; operators: readonly string[] } {
  const game = FORMULA_GAMES[environment];
  if (game === undefined)
    throw new ConfigError(
      `environment.name: the solver cannot judge thoughts in ${environment}; it knows ` +
        `${Object.keys(FORMULA_GAMES).join(', ')}.`,
    );
  return game;
}

/** Reads a formula game's state (core/envs/points24.ts, core/envs/ezpoints.ts): cards are suit letter + rank. */
export function handOf(state: JsonState): Hand {
  const cards = state.cards as readonly string[];
  return { ranks: cards.map(rankName), numbers: cards.map(cardNumber), formula: state.formula as readonly string[] };
}

/** Whether a formula begins with the parts appended so far, part by part: 1 is not a beginning of 10. */
export function continues(formula: string, appended: readonly string[]): boolean {
  const parts = formulaTokens(formula);
  return appended.every((part, index) => parts[index] === part);
}
