/** What a Blackjack hand counts. */
import { cardNumber } from './card.ts';

/** `soft`: an ace counts 11 in the total. */
export type HandValue = { total: number; soft: boolean };

/** Faces count 10; one ace counts 11 where that does not pass 21, all others 1. */
export function handValue(cards: readonly string[]): HandValue {
  const numbers = cards.map(cardNumber);
  const hard = numbers.reduce((sum, number) => sum + number, 0);
  const soft = numbers.includes(1) && hard + 10 <= 21;
  return { total: soft ? hard + 10 : hard, soft };
}
