/** The collapse alarm: rules over metrics that pause a run, or change it, before its success falls. */
import type { RunConfig } from '../configs/schema.ts';

export type AlarmRule = RunConfig['collapse']['alarm'][number];

/**
 * State of one rule. `start`: the metric's first value; `count`: iterations in a row below the limit; `fired`: it is
 * done.
 */
export type AlarmState = { start: number | null; count: number; fired: boolean };

/** Why a rule fired. `raiseSft`: factor of the SFT weight; null: the run pauses. */
export type Alarm = { raiseSft: number | null; reason: string };

/**
 * The rules' states after one more iteration, and the rules that fire; each fires once. A rule whose metric is missing
 * in the first iteration pauses the run, because it could never fire. A metric that is null is ignored.
 */
export function checkAlarms(
  rules: readonly AlarmRule[],
  states: readonly AlarmState[],
  metrics: Readonly<Record<string, number | null>>,
): { states: AlarmState[]; alarms: Alarm[] } {
  const alarms: Alarm[] = [];
  const next = rules.map((rule, index): AlarmState => {
    const state = states[index] ?? { start: null, count: 0, fired: false };
    if (states[index] === undefined && !(rule.metric in metrics)) {
      const reason = `collapse.alarm.${index}.metric: ${rule.metric} is not a metric of this run (docs/metrics.md)`;
      alarms.push({ raiseSft: null, reason });
      return { ...state, fired: true };
    }
    const value = metrics[rule.metric] ?? null;
    if (value === null || state.fired) return state;
    if (state.start === null) return { ...state, start: value };
    const limit = rule.below * state.start;
    const count = value < limit ? state.count + 1 : 0;
    const fired = count >= rule.iterations;
    if (fired)
      alarms.push({
        raiseSft: rule.raiseSft,
        reason:
          `collapse alarm: ${rule.metric} was below ${rule.below} of its first value (${limit.toPrecision(3)}) for ` +
          `${count} iterations, last ${value.toPrecision(3)}`,
      });
    return { ...state, count, fired };
  });
  return { states: next, alarms };
}
