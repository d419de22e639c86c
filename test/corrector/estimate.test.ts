/** The estimate follows from the configuration: more work costs more, and unknown figures are named. */
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { estimateRun } from '../../core/corrector/estimate.ts';

const NONE = { requestsPerMinute: null, tokensPerMinute: null };
const estimate = (changes: string[] = [], limits: Parameters<typeof estimateRun>[1] = NONE) =>
  estimateRun(
    readConfig(runConfigSchema, 'points24-tiny', [
      'corrector.teacher=openai',
      'envSteps=15000',
      'rollout.envStepsPerIteration=1000',
      ...changes,
    ]),
    limits,
  );

test("the estimate of the paper's run is of the order that its authors paid", (t) => {
  const { calls, costUsd } = estimate();
  t.true(calls.low >= 12_000 && calls.likely >= 15_000 && calls.high > calls.likely);
  t.true(costUsd!.low < 147 && 147 < costUsd!.high); // 147 US dollars for 15,000 steps
  t.true(costUsd!.low < costUsd!.likely && costUsd!.likely < costUsd!.high);
});

test(
  'half the steps judged are half the calls; without a corrector there are none; proved thoughts are not asked ' +
    'about',
  (t) => {
    t.is(estimate(['corrector.judgedShare=0.5']).calls.low, estimate().calls.low / 2);
    t.is(estimate(['algorithm=ppo']).calls.high, 0);
    t.true(estimate(['corrector.ask=verified-skip']).calls.low < estimate().calls.low);
  },
);

test('hours are those of the narrowest limit', (t) => {
  const { requests, hours, bounds } = estimate([], { requestsPerMinute: 10, tokensPerMinute: 10_000_000 });
  t.is(bounds.requestsPerMinute!.likely, requests.likely / 10 / 60);
  t.is(hours.likely, bounds.requestsPerMinute!.likely);
  t.is(estimate().bounds.tokensPerMinute, null);
  // Twice as many episodes are judged at once.
  t.is(estimate(['parallel.waves=2']).bounds.latency.likely, bounds.latency.likely / 2);
});

test('an unknown model has an unknown cost, and its own prices make it known', (t) => {
  t.is(estimate(['corrector.openai.model=llava-next']).costUsd, null);
  t.true(
    estimate(['corrector.openai.model=llava-next', 'corrector.openai.prices={"prompt":1,"cached":1,"completion":2}'])
      .costUsd!.likely > 0,
  );
});
