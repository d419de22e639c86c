/** The project's own metrics of a worker, in addition to the SDK's, for operators. */
import { metricMeter } from '@temporalio/activity';

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

/** Shows an iteration's metric as a gauge `gtr_<name>` of its run; slashes become underscores. */
export function showMetric(run: string, name: string, value: number): void {
  metricMeter
    .createGauge(`gtr_${name.replace(/\W/g, '_')}`, 'float', undefined, `${name} of the newest iteration`)
    .set(value, { run });
}
