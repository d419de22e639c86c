import test from 'ava';
import { actionValues, bustingRanks } from '../../core/corrector/blackjack-policy.ts';

/** Open cards from worst to best for the dealer's chances of going over 21: 2 to 10, ace. */
const OPEN = [2, 3, 4, 5, 6, 7, 8, 9, 10, 1];
const row = (total: number, soft: boolean) =>
  OPEN.map((dealer) => (({ stand, hit }) => (hit > stand ? 'H' : 'S'))(actionValues({ total, soft }, dealer))).join('');

test(
  'best actions are the published basic strategy for hit and stand ' + '(infinite deck, dealer stands on soft 17)',
  (t) => {
    for (let total = 4; total <= 11; total++) t.is(row(total, false), 'HHHHHHHHHH', `hard ${total}`);
    t.is(row(12, false), 'HHSSSHHHHH');
    for (let total = 13; total <= 16; total++) t.is(row(total, false), 'SSSSSHHHHH', `hard ${total}`);
    for (let total = 17; total <= 21; total++) t.is(row(total, false), 'SSSSSSSSSS', `hard ${total}`);
    for (let total = 12; total <= 17; total++) t.is(row(total, true), 'HHHHHHHHHH', `soft ${total}`);
    t.is(row(18, true), 'SSSSSSSHHH');
    for (let total = 19; total <= 21; total++) t.is(row(total, true), 'SSSSSSSSSS', `soft ${total}`);
  },
);

test('no choice is so close that rounding could decide it', (t) => {
  for (const soft of [false, true]) {
    for (let total = soft ? 12 : 4; total <= 21; total++) {
      for (const dealer of OPEN)
        t.true(
          Math.abs(actionValues({ total, soft }, dealer).hit - actionValues({ total, soft }, dealer).stand) > 1e-3,
          `${total} ${soft} ${dealer}`,
        );
    }
  }
});

test('values follow from the shares of the 13 ranks', (t) => {
  // Hitting on a hard 21 always passes 21.
  t.is(actionValues({ total: 21, soft: false }, 10).hit, -1);
  // A player who stands below 17 wins only if the dealer exceeds 21, so 4 and 16 are worth the same.
  t.is(actionValues({ total: 4, soft: false }, 6).stand, actionValues({ total: 16, soft: false }, 6).stand);
  // A hard 16 passes 21 with 6 to 9 and the four that count 10; a soft hand never does.
  t.is(bustingRanks({ total: 16, soft: false }), 8);
  t.is(bustingRanks({ total: 20, soft: true }), 0);
});
