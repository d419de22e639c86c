import test from 'ava';
import { findAllFormulas } from '../../core/envs/formulas/exact-solver.ts';
import { cardNumber } from '../../core/envs/card.ts';
import { gameByName } from '../../core/envs/registry.ts';

const points24 = gameByName('points24');
const play = (cards: string[], actions: string[]) => {
  const environment = points24.fromState({ cards, formula: [] }, points24.parseOptions({}));
  return { environment, results: actions.map((action) => environment.step(action)) };
};
const HAND = ['H4', 'S5', 'D9', 'CK'];

test('a right formula wins 10 at the equals sign', (t) => {
  const { results } = play(HAND, ['(', '10', '-', '4', ')', '*', '(', '9', '-', '5', ')', '=']);
  t.deepEqual(
    results.map(({ reward }) => reward),
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
  );
  t.is(results.at(-1)!.stop, 'terminated');
});

test('a wrong value, or a right one without all cards, loses', (t) => {
  t.deepEqual(play(HAND, ['4', '+', '5', '=']).results.at(-1), { reward: -1, stop: 'terminated' });
  t.deepEqual(play(['H4', 'S6', 'D9', 'CK'], ['4', '*', '6', '=']).results.at(-1), { reward: -1, stop: 'terminated' });
});

test('a number that is not on the table leaves a blank and costs 1; so does one that is used up', (t) => {
  const { environment, results } = play(HAND, ['7', '4', '4']);
  t.deepEqual(
    results.map(({ reward }) => reward),
    [-1, 0, -1],
  );
  t.is(environment.promptValues().formula, ' 4 ');
});

test('more than 20 entries truncate', (t) => {
  const { results } = play(
    HAND,
    Array.from({ length: 22 }, () => '+'),
  );
  t.deepEqual(results[20], { reward: 0, stop: null });
  t.deepEqual(results[21], { reward: -1, stop: 'truncated' });
});

test('deals: solvable ones are solvable, seen and held-out ones are disjoint', (t) => {
  const numbers = (deals: string, episode: number) =>
    (points24.start({ seed: 1, episode }, points24.parseOptions({ deals })).state().cards as string[])
      .map(cardNumber)
      .sort((a, b) => a - b);
  const hands = (deals: string) => Array.from({ length: 300 }, (_, episode) => numbers(deals, episode));
  for (const hand of hands('solvable')) t.true(findAllFormulas(hand, 24).length > 0);
  const seen = new Set(hands('seen').map(String));
  t.true(hands('heldOut').every((hand) => !seen.has(String(hand))));
  const heldOut = new Set(hands('heldOut').map(String));
  const others = hands('notHeldOut');
  t.true(
    others.every((hand) => !heldOut.has(String(hand))) &&
      others.some((hand) => seen.has(String(hand))) &&
      others.some((hand) => findAllFormulas(hand, 24).length === 0),
  );
  // 566 of 715 hands are solvable; by deals about 73 %: sd over 300 deals is 2.6 %.
  const solvable = hands('all').filter((hand) => findAllFormulas(hand, 24).length > 0).length;
  t.true(solvable > 300 * 0.62 && solvable < 300 * 0.84, `${solvable} of 300`);
});

test('python-float64 arithmetic: joined digits, signs, powers, and one rounding too many', (t) => {
  const finish = (cards: string[], actions: string[], arithmetic: string) => {
    const environment = points24.fromState({ cards, formula: [] }, points24.parseOptions({ arithmetic }));
    return actions.map((action) => environment.step(action)).at(-1)!.reward;
  };
  const cases: { cards: string[]; actions: string[]; exact: number; python: number }[] = [
    // 12 * 2 * 1: 1 and 2 are adjacent.
    { cards: ['HA', 'S2', 'D2', 'CA'], actions: ['1', '2', '*', '2', '*', '1', '='], exact: -1, python: 10 },
    // -(-24) is not a formula of the exact mode.
    {
      cards: ['H4', 'S6', 'DA', 'CA'],
      actions: ['-', '(', '-', '4', '*', '6', '*', '1', '*', '1', ')', '='],
      exact: -1,
      python: 10,
    },
    // 5^2 - 1 * 1
    { cards: ['H5', 'S2', 'DA', 'CA'], actions: ['5', '*', '*', '2', '-', '1', '*', '1', '='], exact: -1, python: 10 },
    // 8 / (3 - 8/3): exactly 24, but 23.99999999999999 in float64.
    {
      cards: ['H8', 'S3', 'D8', 'C3'],
      actions: ['8', '/', '(', '3', '-', '8', '/', '3', ')', '='],
      exact: 10,
      python: -1,
    },
    // 24 without the fourth card.
    { cards: ['H8', 'S3', 'DA', 'C3'], actions: ['8', '*', '3', '*', '1', '='], exact: -1, python: -1 },
  ];
  for (const { cards, actions, exact, python } of cases) {
    t.is(finish(cards, actions, 'exact'), exact, actions.join(''));
    t.is(finish(cards, actions, 'python-float64'), python, actions.join(''));
  }
});

test('few seen hands are the first of the seen ones; held-out hands stay the same', (t) => {
  const hands = (options: object, deals = 300) =>
    new Set(
      Array.from({ length: deals }, (_, episode) =>
        (points24.start({ seed: 5, episode }, points24.parseOptions(options)).state().cards as string[])
          .map(cardNumber)
          .sort((a, b) => a - b)
          .join(),
      ),
    );
  const few = hands({ deals: 'seen', seenHands: 5 });
  t.is(few.size, 5);
  t.true(few.isSubsetOf(hands({ deals: 'seen' }, 6000)));
  t.true(few.isSubsetOf(hands({ deals: 'seen', seenHands: 50 }, 2000)));
  t.deepEqual(hands({ deals: 'heldOut', seenHands: 5 }), hands({ deals: 'heldOut' }));
});

test('EZPoints holds out one pair of numbers of each kind', (t) => {
  const ezpoints = gameByName('ezpoints');
  const pairs = (deals: string) =>
    [
      ...new Set(
        Array.from({ length: 300 }, (_, episode) =>
          (ezpoints.start({ seed: 5, episode }, ezpoints.parseOptions({ deals })).state().cards as string[])
            .map(cardNumber)
            .sort((a, b) => a - b)
            .join(' '),
        ),
      ),
    ].sort();
  t.deepEqual(pairs('heldOut'), ['2 6', '5 7']);
  t.deepEqual(pairs('seen'), ['2 10', '3 4', '3 9', '4 8', '6 6']);
});
