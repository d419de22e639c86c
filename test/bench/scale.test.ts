/** The simulation of many workers, and what it is fed with. */
import test from 'ava';
import { largeModelSteps, trainedElements } from '../../bench/scale/large-model.ts';
import { partsOf, type Span } from '../../bench/scale/spans.ts';
import { type Rates, simulate } from '../../bench/scale/simulate.ts';

const RATES: Rates = {
  wave: 10,
  judge: 1,
  besides: 2,
  gradients: 8,
  add: 0,
  adam: 0,
  dispatch: 0,
  vectorBytes: 100,
  gradientBytes: 100,
  store: { read: Infinity, write: Infinity, together: Infinity },
};

test('with a store that takes no time, rollout and update are shared evenly', (t) => {
  const shape = { waves: 4, groups: 4, steps: 3 };
  const [one, two, four] = [1, 2, 4].map((workers) => simulate(RATES, { workers, ...shape }));
  t.deepEqual([one.rollout, two.rollout, four.rollout], [41, 21, 11]); // 4, 2, 1 waves of 10 s, and judging
  t.deepEqual([one.update, two.update, four.update], [24, 12, 6]);
  t.is(two.iteration, 21 + 12 + 2);
  t.is(simulate(RATES, { workers: 3, ...shape }).update, 12); // one worker has two of four groups
});

test('the exchange: gradients written and read in each step, the state now and then', (t) => {
  const store = { read: 100, write: 50, together: Infinity };
  const { exchange } = simulate({ ...RATES, store }, { workers: 2, waves: 2, groups: 2, steps: 8 });
  // 8 steps: a gradient written in 2 s, one read in 1 s; twice three vectors in 6 s.
  t.is(exchange, 8 * (2 + 1) + 2 * 6);
  const shared = simulate(
    { ...RATES, store: { ...store, together: 50 } },
    { workers: 2, waves: 2, groups: 2, steps: 8 },
  );
  t.is(shared.exchange, 8 * (4 + 4) + 2 * 6); // two workers at once have half of it each; one alone what it can take
});

test('LoRA on 7B: trained elements, and float16 moves less', (t) => {
  t.is((trainedElements(16) / 1e6).toFixed(1), '44.7');
  t.is((trainedElements(128) / 1e6).toFixed(0), '325');
  const asked = { rank: 128, stepSeconds: 34, elementSeconds: { add: 2e-9, adam: 1e-8 } };
  const store = { read: 5e8, write: 5e8, together: Infinity };
  const [[whole], [half]] = (['float32', 'float16'] as const).map((exchange) =>
    largeModelSteps({ ...asked, exchange, store }, [2]),
  );
  t.true(half.speedUp > whole.speedUp && whole.speedUp < 2);
});

test('parts of an iteration are read from when its activities ran', (t) => {
  const span = (type: string, scheduled: number, started: number, closed: number, exchangeSeconds = 0): Span => ({
    type,
    scheduled,
    started,
    closed,
    result: { exchangeSeconds },
  });
  const parts = partsOf(
    [
      span('rolloutWave', 0, 0, 10),
      span('rolloutWave', 0, 0, 12),
      span('assembleBatch', 13, 13, 14),
      span('computeGradients', 14, 14, 17, 1),
      span('computeGradients', 14, 14, 18, 1),
      span('computeGradients', 18, 18.5, 21, 1),
      span('computeGradients', 18, 18.5, 22, 1),
      span('applyGradients', 22, 22.25, 24, 1),
    ],
    2,
  );
  t.deepEqual(parts, {
    waves: 2,
    wave: 12,
    judge: 1,
    rollout: 13,
    update: 10,
    iteration: 24,
    exchange: 5,
    gradients: 5, // 2 + 3, and 1.5 + 2.5: the upper of the two
    dispatch: 0.5,
  });
});
