import test from 'ava';
import { numberline } from '../../core/envs/numberline.ts';

const play = (state: { target: number; current: number; steps?: number }, actions: string, options = {}) => {
  const environment = numberline.fromState({ steps: 0, ...state }, numberline.parseOptions(options));
  return { results: [...actions].map((action) => environment.step(action)), environment };
};

test('0 for a step closer, -1 for one that is not, 1 and the end at the target', (t) => {
  const { results } = play({ target: 3, current: 1 }, '-+++');
  t.deepEqual(results, [
    { reward: -1, stop: null },
    { reward: 0, stop: null },
    { reward: 0, stop: null },
    { reward: 1, stop: 'terminated' },
  ]);
});

test('the line ends at 0 and at the largest number: a step beyond changes nothing', (t) => {
  const { results, environment } = play({ target: 3, current: 5 }, '+');
  t.deepEqual(results, [{ reward: -1, stop: null }]);
  t.is(environment.state().current, 5);
  t.is(play({ target: 3, current: 0 }, '-').environment.state().current, 0);
});

test('truncated after twice the largest number, unless the last step arrives', (t) => {
  t.is(play({ target: 5, current: 0 }, '----------').results[9].stop, 'truncated');
  t.is(play({ target: 1, current: 0 }, '---------+').results[9].stop, 'terminated');
  t.is(play({ target: 2, current: 0 }, '------', { maxPosition: 3 }).results[5].stop, 'truncated');
});

test('every pair of different numbers is dealt, none of equal ones', (t) => {
  const deals = Array.from({ length: 1000 }, (_, episode) =>
    numberline.start({ seed: 1, episode }, numberline.parseOptions({})).state(),
  );
  t.true(deals.every(({ target, current }) => target !== current));
  // 30 pairs; a given one is missing in 1,000 deals with probability (29/30)^1000 < 1e-14.
  t.is(new Set(deals.map(({ target, current }) => JSON.stringify([target, current]))).size, 30);
});

test('seen and held-out deals have different targets', (t) => {
  const targets = (deals: string) =>
    [
      ...new Set(
        Array.from(
          { length: 200 },
          (_, episode) =>
            numberline.start({ seed: 1, episode }, numberline.parseOptions({ deals })).state().target as number,
        ),
      ),
    ].sort();
  t.deepEqual(targets('heldOut'), [1, 4]);
  t.deepEqual(targets('seen'), [0, 2, 3, 5]);
});
