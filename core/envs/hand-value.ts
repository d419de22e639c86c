/** What a Blackjack hand counts. */
import { cardNumber } from './card.ts';

/** `soft`: an ace counts 11 in the total. */
export type HandValue = { total: number; soft: boolean };

/** More loses at once. */
export const LARGEST_HAND = 21;

/** The dealer draws below this total, soft or not. */
export const DEALER_STANDS = 17;

/** Faces count 10; one ace counts 11 where that does not pass 21, all others 1. */
export function handValue(cards: readonly string[]): HandValue {
  return cards.map(cardNumber).reduce(addCard, { total: 0, soft: false });
}

/** A hand with one more card, of which only the number counts (ace: 1). */
export function addCard({ total, soft }: HandValue, number: number): HandValue {
  const hard = total - (soft ? 10 : 0) + number;
  const isSoft = (soft || number === 1) && hard + 10 <= LARGEST_HAND;
  return { total: isSoft ? hard + 10 : hard, soft: isSoft };
}
