/** Rates and times left, by the clock. */
import test from 'ava';
import { Pace, RolloutPace } from '../../activities/pace.ts';
import type { RolloutProgress } from '../../core/policy/rollout.ts';

let clock = 0;
const real = performance.now.bind(performance);
test.before(() => {
  performance.now = () => clock * 1000;
});
test.after.always(() => {
  performance.now = real;
});

/** After `round` rounds of two episodes, each of so many steps of five tokens, of which the second ended with two. */
const after = (round: number) =>
  ({
    round,
    over: round === 4,
    closed: [round === 4, round >= 2],
    episodes: [round, Math.min(round, 2)].map((length) => ({
      steps: Array.from({ length }, () => ({ responseIds: [1, 2, 3, 4, 5] })),
    })),
  }) as unknown as RolloutProgress;

test.serial('optimizer steps: only those of this attempt count', (t) => {
  const pace = new Pace(10, 40);
  clock += 20;
  t.deepEqual(pace.at(12, 1000), { done: 12, all: 40, tokensPerSecond: 50, secondsLeft: 280 });
});

test.serial('rounds: only those of this attempt count', (t) => {
  const pace = new RolloutPace(10);
  clock += 5;
  t.deepEqual(pace.of(after(1)), { done: 0, all: 2, tokensPerSecond: 2, secondsLeft: 45 });
  clock += 5;
  t.deepEqual(pace.of(after(2)), { done: 1, all: 2, tokensPerSecond: 2, secondsLeft: 40 });
  const resumed = new RolloutPace(10);
  clock += 5;
  t.deepEqual(resumed.of(after(3)), { done: 1, all: 2, tokensPerSecond: 1, secondsLeft: 35 });
  clock += 5;
  t.like(resumed.of(after(4)), { done: 2, secondsLeft: 0 });
});
