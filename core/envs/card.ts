/** Playing cards as text: suit letter and rank, `HT` is the ten of hearts. */

export const SUITS = ['H', 'D', 'C', 'S'] as const;
export const RANKS = ['A', '2', '3', '4', '5', '6', '7', '8', '9', 'T', 'J', 'Q', 'K'] as const;

/** What a card counts: its number, faces 10, the ace 1. */
export function cardNumber(card: string): number {
  const rank = card.slice(1);
  return rank === 'A' ? 1 : 'TJQK'.includes(rank) ? 10 : Number(rank);
}

/** The rank as players read it: A, 2..10, J, Q, K. */
export function rankName(card: string): string {
  const rank = card.slice(1);
  return rank === 'T' ? '10' : rank;
}
