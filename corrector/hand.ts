/** What the exact solver sees of a card state: the numbers on the table, the formula so far, and the goal. */
import { ConfigError } from '../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';

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
  if (game === undefined) throw new ConfigError(`environment.name: the solver has no thoughts for ${environment}; it knows ${Object.keys(FORMULA_GAMES).join(', ')}.`);
  return game;
}

const RANK_NAMES: Readonly<Record<string, string>> = { T: '10', '1': 'A' };

/** Reads a formula game's state (envs/points24.ts, envs/ezpoints.ts): cards are suit letter + rank. */
export function handOf(state: JsonState): Hand {
  const ranks = (state.cards as readonly string[]).map((card) => RANK_NAMES[card.slice(1)] ?? card.slice(1));
  const numbers = ranks.map((rank) => (rank === 'A' ? 1 : 'JQK'.includes(rank) ? 10 : Number(rank)));
  return { ranks, numbers, formula: state.formula as readonly string[] };
}
