/** The project's own metrics of a worker, in addition to the SDK's, for operators. */
import { metricMeter } from '@temporalio/activity';
import type { MetricMeter } from '@temporalio/common';

/** Work done -> its meaning. */
const COUNTERS = {
  gtr_env_steps: 'Environment steps sampled',
  gtr_response_tokens: 'Tokens sampled',
  gtr_iterations: 'Iterations published',
  gtr_resume_points: 'Resume points stored',
  gtr_resume_point_milliseconds: 'Time spent storing resume points, also concurrently with computing',
} as const;

/** Adds a whole number to a counter. Only inside an activity. */
export function countWork(name: keyof typeof COUNTERS, amount: number): void {
  metricMeter.createCounter(name, undefined, COUNTERS[name]).add(amount);
}

/**
 * Shows an iteration's metric as a gauge `gtr_<name>` of its run; slashes become underscores. Temporal's gauges refuse
 * negative values: for a metric that can be `negative`, a second gauge `..._below_zero` has the size of those.
 */
export function showMetric(
  { run, name, negative }: { run: string; name: string; negative: boolean },
  value: number,
  meter: MetricMeter = metricMeter,
): void {
  const gauge = `gtr_${name.replace(/\W/g, '_')}`;
  const show = (gaugeName: string, size: number) =>
    meter.createGauge(gaugeName, 'float', undefined, `${name} of the newest iteration`).set(Math.max(0, size), { run });
  show(gauge, value);
  if (negative) show(`${gauge}_below_zero`, -value);
}
