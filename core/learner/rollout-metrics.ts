/** Metrics of the policy from one iteration's kept steps (spec.md section 9). */
import type { JsonState, Outcome } from '../envs/env.ts';
import type { KeptSegment } from './kept-steps.ts';
import { wilsonInterval } from './intervals.ts';
import { thoughtMetrics } from './thought-metrics.ts';
import type { Verdict } from '../episodes/episode.ts';

import type { Metrics } from '../episodes/metrics.ts';

/** Metrics of the kept segments; rates are shares in [0, 1], null where nothing was counted. */
export function rolloutMetrics(
  segments: readonly KeptSegment[],
  read: Parameters<typeof thoughtMetrics>[1],
  outcomeOf: (states: { start: JsonState; end: JsonState }, reward: number) => Outcome,
): Metrics {
  const steps = segments.flatMap(({ episode, rewards }) => episode.steps.slice(0, rewards.length));
  const verdicts = segments.flatMap(({ judgement, rewards }) => judgement.verdicts.slice(0, rewards.length));
  // An episode that is open at the step limit counts with its rewards so far.
  const over = segments.filter(({ whole }) => whole);
  const rewardSums = over.map(({ rewards }) => sum(rewards));
  const outcomes = over.map(({ episode, rewards }, index) =>
    outcomeOf({ start: episode.states[0], end: episode.states[rewards.length] }, rewardSums[index]),
  );
  const successes = outcomes.filter(({ success }) => success).length;
  const interval = wilsonInterval(successes, over.length);
  const judged = verdicts.filter(({ outcome }) => outcome !== 'unjudged');
  const share = (outcome: Verdict['outcome']) =>
    ratio(judged.filter((verdict) => verdict.outcome === outcome).length, judged.length);
  const sorted = [...rewardSums].sort((a, b) => a - b);
  const states = segments.flatMap(({ episode, rewards }) => episode.states.slice(0, rewards.length));
  const thought = thoughtMetrics(
    steps.map((step, index) => ({ step, state: states[index] })),
    read,
  );
  return {
    'episode/count': over.length,
    'episode/success': ratio(successes, over.length),
    'episode/success/low': interval.low,
    'episode/success/high': interval.high,
    ...groupRates(outcomes),
    'episode/progress': mean(outcomes.flatMap(({ progress }) => progress ?? [])),
    'episode/reward/mean': mean(rewardSums),
    'episode/reward/median':
      sorted.length > 0 ? (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2 : null,
    'episode/reward/min': sorted[0] ?? null,
    'episode/reward/max': sorted.at(-1) ?? null,
    'episode/length': mean(over.map(({ rewards }) => rewards.length)),
    'episode/cutRate': ratio(over.filter(({ judgement }) => judgement.cut).length, over.length),
    'action/legalRate': ratio(steps.filter(({ legal }) => legal).length, steps.length),
    'response/wellFormedRate': ratio(steps.filter(({ thought }) => thought !== null).length, steps.length),
    'response/tokens': mean(steps.map(({ responseIds }) => responseIds.length)),
    'thought/tokens': mean(steps.map(({ thoughtTokens }) => thoughtTokens)),
    'thought/judged': judged.length,
    'thought/correctRate': share('correct'),
    'thought/correctedRate': share('corrected'),
    'thought/noSolutionRate': share('noSolution'),
    'thought/unusableRate': share('unusable'),
    ...Object.fromEntries(Object.entries(thought).map(([name, value]) => [`thought/${name}`, value])),
    envSteps: steps.length,
  };
}

/** Success of each group of episodes, as `episode/success/<group>`. */
function groupRates(outcomes: readonly Outcome[]): Metrics {
  const groups = Object.entries(
    Object.groupBy(
      outcomes.filter(({ group }) => group !== null),
      ({ group }) => group!,
    ),
  );
  return Object.fromEntries(
    groups.map(([group, members]) => [
      `episode/success/${group}`,
      ratio(members!.filter(({ success }) => success).length, members!.length),
    ]),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number | null {
  return ratio(sum(values), values.length);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
