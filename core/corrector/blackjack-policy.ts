/**
 * Blackjack solved exactly: the expected reward of both actions from everything that the player sees, with an infinite
 * deck.
 */
import { cardNumber, RANKS } from '../envs/card.ts';
import { addCard, type HandValue, LARGEST_HAND, DEALER_STANDS } from '../envs/hand-value.ts';

/** Expected rewards of standing at once and of hitting with the best play after it. */
export type ActionValues = { stand: number; hit: number };

/** What the next card counts; every rank is equally likely. */
const NUMBERS = RANKS.map((rank) => cardNumber(`H${rank}`));

/** Share of games that the dealer ends with each total; 0 stands for more than 21. */
type Outcomes = ReadonlyMap<number, number>;

/**
 * V(hand) = max(stand, hit), hit = mean over the next card of V(hand + card), -1 beyond 21. `dealer`: what the open
 * card counts, the ace 1.
 */
export function actionValues(player: HandValue, dealer: number): ActionValues {
  const key = `${player.total} ${player.soft} ${dealer}`;
  let values = solved.get(key);
  if (values === undefined)
    solved.set(
      key,
      (values = {
        stand: standValue(player.total, dealer),
        hit: mean(NUMBERS.map((number) => handWorth(addCard(player, number), dealer))),
      }),
    );
  return values;
}

const solved = new Map<string, ActionValues>();

function handWorth(hand: HandValue, dealer: number): number {
  if (hand.total > LARGEST_HAND) return -1;
  const { stand, hit } = actionValues(hand, dealer);
  return Math.max(stand, hit);
}

function standValue(total: number, dealer: number): number {
  let value = 0;
  for (const [theirs, share] of dealerOutcomes(dealer)) value += share * Math.sign(total - theirs);
  return value;
}

const outcomesByOpenCard = new Map<number, Outcomes>();

function dealerOutcomes(dealer: number): Outcomes {
  let outcomes = outcomesByOpenCard.get(dealer);
  if (outcomes === undefined) {
    const found = new Map<number, number>();
    const draw = (hand: HandValue, share: number): void => {
      const total = hand.total > LARGEST_HAND ? 0 : hand.total;
      if (total === 0 || total >= DEALER_STANDS) found.set(total, (found.get(total) ?? 0) + share);
      else for (const number of NUMBERS) draw(addCard(hand, number), share / NUMBERS.length);
    };
    draw(addCard({ total: 0, soft: false }, dealer), 1);
    outcomesByOpenCard.set(dealer, (outcomes = found));
  }
  return outcomes;
}

/** How many of the 13 ranks would take the hand over 21. */
export function bustingRanks(hand: HandValue): number {
  return NUMBERS.filter((number) => addCard(hand, number).total > LARGEST_HAND).length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
