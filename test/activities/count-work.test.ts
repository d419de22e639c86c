/** Metrics of a run as gauges of a worker, on the meter of a real runtime. */
import { MetricsBuffer, Runtime } from '@temporalio/worker';
import test from 'ava';
import { showMetric } from '../../activities/count-work.ts';

const buffer = new MetricsBuffer();
Runtime.install({ telemetryOptions: { metrics: { buffer } } });

test('a metric below zero is shown as its size in a second gauge, which falls back to zero', (t) => {
  const reward = { run: 'cards', name: 'episode/reward/mean', negative: true };
  const meter = Runtime.instance().metricMeter;
  for (const value of [-1.5, 2]) showMetric(reward, value, meter);
  showMetric({ run: 'cards', name: 'episode/success', negative: false }, 0.25, meter);
  const shown = [...buffer.retrieveUpdates()]
    .filter(({ metric }) => metric.name.startsWith('gtr_'))
    .map(({ metric, value, attributes }) => [metric.name, value, attributes.run]);
  t.deepEqual(shown, [
    ['gtr_episode_reward_mean', 0, 'cards'],
    ['gtr_episode_reward_mean_below_zero', 1.5, 'cards'],
    ['gtr_episode_reward_mean', 2, 'cards'],
    ['gtr_episode_reward_mean_below_zero', 0, 'cards'],
    ['gtr_episode_success', 0.25, 'cards'],
  ]);
});
