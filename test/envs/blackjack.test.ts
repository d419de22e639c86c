import test from 'ava';
import fc from 'fast-check';
import { blackjack } from '../../core/envs/blackjack.ts';
import { handValue } from '../../core/envs/hand-value.ts';

const options = blackjack.parseOptions({});
/** Plays with a listed deck: the dealer's two cards, the player's two, then the drawn ones. */
const play = (deck: string[], ...actions: string[]) => {
  const environment = blackjack.fromState({ dealer: deck.slice(0, 2), player: deck.slice(2, 4), deck }, options);
  return { results: actions.map((action) => environment.step(action)), state: environment.state() };
};

test('one ace counts 11 where it does not pass 21', (t) => {
  t.deepEqual(handValue(['HA', 'ST']), { total: 21, soft: true });
  t.deepEqual(handValue(['HA', 'SA', 'D9']), { total: 21, soft: true });
  t.deepEqual(handValue(['HA', 'SK', 'DQ']), { total: 21, soft: false });
  t.deepEqual(handValue(['H9', 'S7', 'DA']), { total: 17, soft: false });
});

test('more than 21 loses at once; 21 may go on', (t) => {
  t.deepEqual(play(['H5', 'S5', 'HT', 'S6', 'HK'], 'hit').results, [{ reward: -1, stop: 'terminated' }]);
  t.deepEqual(play(['H5', 'S5', 'HT', 'S6', 'H5'], 'hit').results, [{ reward: 0, stop: null }]);
});

test('the dealer draws to 17, soft or not, and the nearer hand wins', (t) => {
  const soft = play(['HA', 'S6', 'HT', 'S8', 'H5'], 'stand');
  // 18 against soft 17
  t.deepEqual([soft.results[0], soft.state.dealer], [{ reward: 1, stop: 'terminated' }, ['HA', 'S6']]);
  // the dealer has 26
  t.deepEqual(play(['HT', 'S6', 'HT', 'S2', 'HK'], 'stand').results, [{ reward: 1, stop: 'terminated' }]);
  t.deepEqual(play(['HT', 'S7', 'HT', 'S7'], 'stand').results, [{ reward: 0, stop: 'terminated' }]);
  t.deepEqual(play(['HT', 'S8', 'HT', 'S7'], 'stand').results, [{ reward: -1, stop: 'terminated' }]);
  // A natural wins 1 like any other hand, and only draws against three cards that make 21.
  t.deepEqual(play(['HT', 'S6', 'HA', 'SK', 'H5'], 'stand').results, [{ reward: 0, stop: 'terminated' }]);
});

test('the next card depends only on its position, not on stand or hit', (t) => {
  fc.assert(
    fc.property(fc.nat(1000), (episode) => {
      const start = blackjack.start({ seed: 1, episode }, options).state();
      const [hit, stand] = ['hit', 'stand'].map((action) => {
        const environment = blackjack.fromState(start, options);
        environment.step(action);
        return environment.state() as { player: string[]; dealer: string[] };
      });
      return stand.dealer.length === 2 || stand.dealer[2] === hit.player[2];
    }),
    { seed: 1 },
  );
  t.pass();
});

test('the hidden card is in the state, but neither in the picture nor in the prompt', (t) => {
  const one = blackjack.fromState({ dealer: ['H9', 'S2'], player: ['HT', 'D4'], deck: [] }, options);
  const other = blackjack.fromState({ dealer: ['H9', 'DK'], player: ['HT', 'D4'], deck: [] }, options);
  for (const size of [64, 300]) t.deepEqual(one.observe(size), other.observe(size));
  t.deepEqual(one.promptValues(), other.promptValues());
  t.notDeepEqual(one.state(), other.state());
});
