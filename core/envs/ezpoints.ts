/** EZPoints: two cards that make 12 by sum or product. */
import { cardNumber, RANKS, SUITS } from './card.ts';
import { formulaGame } from './formula-game.ts';

/** An ace has no partner. */
const PARTNERED = RANKS.slice(1);
const GOAL = 12;
/** Of the seven pairs of numbers, one of each kind is held out: 12 by product, and by sum. */
const HELD_OUT: ReadonlySet<string> = new Set(['2+6', '5+7']);

export const ezpoints = formulaGame({
  name: 'ezpoints',
  goal: GOAL,
  operators: ['+', '*'],
  brackets: false,
  longestFormula: 5,
  // One card 2..K; the other is any card that completes 12, by product or by sum.
  deal: (random) => {
    const first = random.pick(SUITS) + random.pick(PARTNERED);
    const number = cardNumber(first);
    const partners = PARTNERED.filter(
      (rank) => number * cardNumber(`H${rank}`) === GOAL || number + cardNumber(`H${rank}`) === GOAL,
    );
    return random.shuffled([first, random.pick(SUITS) + random.pick(partners)]);
  },
  keepsToTarget: false,
  difficulty: ([a, b]) => (a * b === GOAL ? 'product' : 'sum'),
  split: (numbers) => (HELD_OUT.has([...numbers].sort((a, b) => a - b).join('+')) ? 'heldOut' : 'seen'),
});
