import test from 'ava';
import { adamStep, clipByGlobalNorm, initAdam } from '../../core/learner/adam.ts';
import { gaeReturns, normalise } from '../../core/learner/advantages.ts';
import { wilsonInterval } from '../../core/learner/intervals.ts';
import { selectKeptSteps } from '../../core/learner/kept-steps.ts';
import { cosineLearningRate, sftAnnealing } from '../../core/learner/schedule.ts';
import type { Episode, EpisodeJudgement, Step } from '../../core/episodes/episode.ts';

const close = (
  t: { true(value: boolean, message?: string): void },
  actual: number,
  expected: number,
  tolerance = 1e-6,
) => t.true(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

const step = (reward: number, value: number): Step => ({
  responseIds: [],
  text: '',
  thoughtTokens: 0,
  thought: null,
  action: '',
  legal: true,
  logprob: 0,
  value,
  sampledBy: '',
  reward,
});

function episode({
  rewards,
  values = rewards.map(() => 0),
  stop = 'terminated' as Episode['stop'],
  bootstrapValue = 0,
}: {
  rewards: number[];
  values?: number[];
  stop?: Episode['stop'];
  bootstrapValue?: number;
}): Episode {
  return {
    episode: 0,
    states: [...rewards, 0].map(() => ({})),
    steps: rewards.map((reward, t) => step(reward, values[t])),
    stop,
    bootstrapValue,
  };
}

const judged = (length: number, cut = false): EpisodeJudgement => ({
  verdicts: Array.from({ length }, () => ({ outcome: 'unjudged' })),
  sources: Array.from({ length }, () => null),
  cut,
});

test('GAE over an ended episode', (t) => {
  // t=1: delta = 10 - 2 = 8, A = 8, return 10.  t=0: delta = 0 + 0.9*2 - 1 = 0.8, A = 0.8 + 0.9*0.95*8 = 7.64, return
  // 8.64.
  const returns = gaeReturns({ rewards: [0, 10], values: [1, 2], bootstrapValue: 0 }, 0.9, 0.95);
  close(t, returns[0], 8.64);
  close(t, returns[1], 10);
});

test('GAE bootstraps the last open step', (t) => {
  // delta = 0 + 0.9*4 - 1 = 2.6, return 3.6.
  close(t, gaeReturns({ rewards: [0], values: [1], bootstrapValue: 4 }, 0.9, 0.95)[0], 3.6);
});

test('advantages are normalised with the unbiased deviation', (t) => {
  // mean 2, deviations -1 0 1, unbiased std 1.
  const [low, middle, high] = normalise([1, 2, 3]);
  close(t, low, -1 / 1.00001);
  close(t, middle, 0);
  close(t, high, 1 / 1.00001);
});

test('a cut keeps the judged steps and sets the last reward to -1', (t) => {
  const [segment] = selectKeptSteps([{ episode: episode({ rewards: [0, 0, 10] }), judgement: judged(2, true) }], 100);
  t.deepEqual(segment.rewards, [0, -1]);
  t.is(segment.bootstrapValue, 0);
  t.true(segment.ended);
});

test('kept steps are taken in order until enough; a split episode is bootstrapped from its next step', (t) => {
  const first = { episode: episode({ rewards: [0, 10] }), judgement: judged(2) };
  const second = { episode: episode({ rewards: [0, 0, -1], values: [3, 5, 7] }), judgement: judged(3) };
  const segments = selectKeptSteps([first, second, first], 4);
  t.deepEqual(
    segments.map((segment) => segment.rewards.length),
    [2, 2],
  );
  t.false(segments[1].ended);
  t.deepEqual(
    segments.map(({ whole }) => whole),
    [true, false],
  );
  t.is(segments[1].bootstrapValue, 7);
});

test('a partly judged episode is open', (t) => {
  const [segment] = selectKeptSteps(
    [{ episode: episode({ rewards: [0, 0, 10], values: [3, 5, 7] }), judgement: { ...judged(2), partial: true } }],
    2,
  );
  t.false(segment.ended);
  t.false(segment.whole);
  t.is(segment.bootstrapValue, 7);
});

test('an episode at the step limit is open: its own bootstrap value follows', (t) => {
  const [segment] = selectKeptSteps(
    [{ episode: episode({ rewards: [0], stop: null, bootstrapValue: 2.5 }), judgement: judged(1) }],
    4,
  );
  t.is(segment.bootstrapValue, 2.5);
  t.false(segment.ended);
  t.true(segment.whole, 'its outcome counts');
});

test("Adam takes torch's steps", (t) => {
  // torch.optim.Adam(lr=0.1) on p=1, g=0.5 then g=-0.2: 0.9, 0.8437 (worked by hand below).
  const parameters = new Float32Array([1]);
  const state = initAdam(1);
  adamStep(parameters, new Float32Array([0.5]), state, 0.1, { beta1: 0.9, beta2: 0.999, eps: 1e-8 });
  close(t, parameters[0], 0.9); // first step: lr * sign(g)
  adamStep(parameters, new Float32Array([-0.2]), state, 0.1, { beta1: 0.9, beta2: 0.999, eps: 1e-8 });
  // m = 0.9*0.05 - 0.1*0.2 = 0.025, mhat = 0.025/0.19 = 0.131579; v = 0.999*0.00025 + 0.001*0.04 = 0.00028975, vhat =
  // 0.144947, root 0.380720
  close(t, parameters[0], 0.9 - (0.1 * 0.131579) / 0.38072, 1e-5);
});

test('decoupled weight decay shrinks before the step', (t) => {
  const parameters = new Float32Array([1]);
  adamStep(parameters, new Float32Array([0.5]), initAdam(1), 0.1, {
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.5,
  });
  close(t, parameters[0], 0.95 - 0.1);
});

test('clipping scales to the norm, and leaves small gradients alone', (t) => {
  const gradient = new Float32Array([3, 4]);
  close(t, clipByGlobalNorm(gradient, 2.5), 5); // norm 5, scale 0.5
  close(t, gradient[0], 1.5, 1e-5);
  close(t, clipByGlobalNorm(gradient, 10), 2.5, 1e-5);
  close(t, gradient[1], 2, 1e-5);
});

test('cosine schedule: start, middle, end, after the end', (t) => {
  t.deepEqual(
    [0, 5, 10, 99].map((update) => cosineLearningRate(update, 10, 1, 0.2)).map((lr) => Number(lr.toFixed(6))),
    [1, 0.6, 0.2, 0.2],
  );
  t.deepEqual(
    [0, 1, 4, 5].map((iteration) => sftAnnealing(iteration, 4)),
    [1, 0.75, 0, 0],
  );
  t.is(sftAnnealing(7, 0), 1);
});

test('Wilson interval', (t) => {
  // statsmodels proportion_confint(8, 10, method="wilson") = (0.490162, 0.943318)
  const { low, high } = wilsonInterval(8, 10);
  close(t, low, 0.490162, 1e-5);
  close(t, high, 0.943318, 1e-5);
});
