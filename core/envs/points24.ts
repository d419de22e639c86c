/** Points24: four cards, make 24 with + - * / and brackets, each card once. */
import { findAllFormulas, isWholeAndSmall } from './formulas/exact-solver.ts';
import { RandomStream } from '../random/counter.ts';
import { RANKS, SUITS } from './card.ts';
import { formulaGame } from './formula-game.ts';

const GOAL = 24;
const OPERATORS = ['+', '-', '*', '/'] as const;
const LARGEST_NUMBER = 10;

/** Kinds of hands by how many formulas make 24; a third of the solvable deals each. */
const FEW = [
  { below: 10, name: '1-to-9-solutions' },
  { below: 25, name: '10-to-24-solutions' },
] as const;
const MANY = '25-or-more-solutions';

/** Multisets held out of `seen` deals, of the 551 that whole numbers up to 60 solve. */
const HELD_OUT = 110;

export const points24 = formulaGame({
  name: 'points24',
  goal: GOAL,
  operators: OPERATORS,
  brackets: true,
  longestFormula: 20,
  deal: (random) => Array.from({ length: 4 }, () => random.pick(SUITS) + random.pick(RANKS)),
  keepsToTarget: true,
  difficulty: (numbers) => {
    const solutions = findAllFormulas(numbers, GOAL, OPERATORS).length;
    return solutions === 0 ? 'unsolvable' : (FEW.find(({ below }) => solutions < below)?.name ?? MANY);
  },
  split(numbers, seenHands) {
    const index = handIndices().get([...numbers].sort((a, b) => a - b).join())! - HELD_OUT;
    return index < 0 ? 'heldOut' : index < seenHands ? 'seen' : null;
  },
});

let indices: ReadonlyMap<string, number> | null = null;

/** Each hand's index in a seeded order, the same for every run: the first ones are held out, the next ones are seen. */
function handIndices(): ReadonlyMap<string, number> {
  indices ??= new Map(
    new RandomStream({ seed: 24, purpose: 'held-out hands' })
      .shuffled(wholeNumberHands())
      .map((hand, index) => [hand, index]),
  );
  return indices;
}

function wholeNumberHands(): string[] {
  const hands: string[] = [];
  for (let a = 1; a <= LARGEST_NUMBER; a++) {
    for (let b = a; b <= LARGEST_NUMBER; b++) {
      for (let c = b; c <= LARGEST_NUMBER; c++) {
        for (let d = c; d <= LARGEST_NUMBER; d++) {
          const [easiest] = findAllFormulas([a, b, c, d], GOAL, OPERATORS);
          if (easiest !== undefined && isWholeAndSmall(easiest)) hands.push([a, b, c, d].join());
        }
      }
    }
  }
  return hands;
}
