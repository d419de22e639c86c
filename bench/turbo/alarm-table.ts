/** When the collapse alarm would have paused a run, and when its success fell. */
import { type AlarmRule, type AlarmState, checkAlarms } from '../../workflows/collapse-alarm.ts';
import type { ArmOutcome, RunOutcome } from '../study/outcomes.ts';

/** Success counts as fallen where it stays below this share of the first iteration's to the end. */
const FALLEN = 0.5;

/**
 * The rules that are applied together to every recorded run: thoughts without a valid goal, and malformed responses.
 */
export const TRIED_RULES: readonly AlarmRule[] = [
  { metric: 'thought/validGoalRate', below: 0.5, iterations: 2, raiseSft: null },
  { metric: 'response/wellFormedRate', below: 0.9, iterations: 1, raiseSft: null },
];

/** Iterations, counted from 1; null: never. */
export type AlarmOutcome = { fired: number | null; fell: number | null };

/** When the first of `rules` fires over a run's metrics, and from when on its success stays low. */
export function alarmOutcome(lines: RunOutcome['lines'], rules = TRIED_RULES): AlarmOutcome {
  let states: AlarmState[] = [];
  let fired: number | null = null;
  for (const [index, { metrics }] of lines.entries()) {
    const next = checkAlarms(rules, states, metrics);
    ({ states } = next);
    if (next.alarms.length > 0) fired ??= index + 1;
  }
  const success = lines.map(({ metrics }) => metrics['episode/success'] ?? 0);
  const limit = FALLEN * (success[0] ?? 0);
  const standing = success.findLastIndex((one) => one >= limit);
  return { fired, fell: limit === 0 || standing === success.length - 1 ? null : standing + 2 };
}

/** A line for each arm; empty without outcomes. */
export function alarmTable(outcomes: readonly ArmOutcome[]): string {
  if (outcomes.length === 0) return '';
  const rules = TRIED_RULES.map(
    ({ metric, below, iterations }) =>
      `- \`${metric}\` below ${below} of its first value, ${iterations === 1 ? 'once' : `${iterations} iterations in a row`}`,
  );
  const places = (values: readonly (number | null)[]) => values.map((value) => value ?? 'never').join(' ');
  const rows = outcomes.map(({ arm, runs }) => {
    const each = runs.map(({ lines }) => alarmOutcome(lines));
    return (
      `| ${arm.game} | ${arm.title} | ${places(each.map(({ fired }) => fired))} | ` +
      `${places(each.map(({ fell }) => fell))} |`
    );
  });
  return `
### The alarm

Two rules of \`collapse.alarm\` over the records of every run:

${rules.join('\n')}

The iteration after which the first of them fires, by seed, and the one from which on success while training stays below
${100 * FALLEN} % of the first iteration's:

| game | arm | fires | success falls |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
