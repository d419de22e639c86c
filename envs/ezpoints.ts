/** EZPoints: two cards that make 12 by sum or product. */
import { cardNumber, formulaGame } from './formula-game.ts';

const SUITS = ['H', 'D', 'C', 'S'] as const;
const RANKS = ['2', '3', '4', '5', '6', '7', '8', '9', 'T', 'J', 'Q', 'K'] as const;
const GOAL = 12;

export const ezpoints = formulaGame({
  name: 'ezpoints',
  goal: GOAL,
  operators: ['+', '*'],
  brackets: false,
  longestFormula: 5,
  // One card 2..K; the other is any card that completes 12, by product or by sum.
  deal: (random) => {
    const first = random.pick(SUITS) + random.pick(RANKS);
    const number = cardNumber(first);
    const partners = RANKS.filter((rank) => number * cardNumber(`H${rank}`) === GOAL || number + cardNumber(`H${rank}`) === GOAL);
    return random.shuffled([first, random.pick(SUITS) + random.pick(partners)]);
  },
  isHeldOut: () => false,
});
