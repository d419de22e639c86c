/** The study's tables as markdown. */
import type { EvaluatePolicyResult } from '../../core/records/evaluation.ts';
import type { EvaluationPart } from '../../core/learner/evaluation-part.ts';
import { STUDY_GAMES, type StudyGame } from './arms.ts';
import { type ArmOutcome, lateMean, pooled, runTotal } from './outcomes.ts';

/** Final success and collapse measures of one game's arms and of its start. */
export function gameTables(
  game: StudyGame,
  start: EvaluatePolicyResult | null,
  outcomes: readonly ArmOutcome[],
): string {
  const { title, deals, sets, seenRightly, byGroup } = STUDY_GAMES[game];
  const interval = (parts: readonly (EvaluationPart | null)[]) => successInterval(parts, deals);
  const heldOut = [start, ...outcomes.flatMap(({ runs }) => runs.map(({ evaluation }) => evaluation))].some(
    (evaluation) => evaluation?.heldOut != null,
  );
  const column = (cell: string) => (heldOut ? [cell] : []);
  const success = [
    [
      '',
      'seeds',
      `success, %${heldOut ? ` (${sets[0]})` : ''}`,
      'by seed',
      ...column(`${sets[1]}, %`),
      ...column('by seed'),
      'environment steps',
      deals,
      'minutes',
    ],
    ...(start === null
      ? []
      : [['start', '', interval([start]), '', ...column(interval([start.heldOut])), ...column(''), '0', '', '']]),
    ...outcomes.map(({ arm, runs }) => [
      arm.title,
      String(runs.length),
      interval(runs.map(({ evaluation }) => evaluation)),
      runs.map(({ evaluation }) => percent(evaluation.success)).join(' '),
      ...column(interval(runs.map(({ evaluation }) => evaluation.heldOut))),
      ...column(
        runs
          .map(({ evaluation }) => (evaluation.heldOut === null ? '' : percent(evaluation.heldOut.success)))
          .join(' '),
      ),
      count(runTotal(runs, 'envSteps')),
      count(runTotal(runs, 'episode/count')),
      (runTotal(runs, 'time/iteration') / 60).toFixed(1),
    ]),
  ];
  const thoughts = [
    [
      `on the evaluation ${deals}`,
      'well-formed',
      seenRightly,
      'goal right',
      'action as thought',
      'distinct thoughts per state',
      'self-BLEU-2',
      'KL of the last updates',
      'entropy',
    ],
    ...(start === null ? [] : [['start', ...signs([start]), '', '']]),
    ...outcomes.map(({ arm, runs }) => [
      arm.title,
      ...signs(runs.map(({ evaluation }) => evaluation)),
      number(lateMean(runs, 'policy/kl')),
      number(lateMean(runs, 'policy/entropy')),
    ]),
  ];
  const groups = byGroup
    ? `\n${groupTable([...(start === null ? [] : [{ title: 'start', parts: [start] }]), ...outcomes.map(({ arm, runs }) => ({ title: arm.title, parts: runs.map(({ evaluation }) => evaluation) }))])}\n`
    : '';
  return (
    `### ${title}\n\n${markdown(success)}\n${groups}\nSigns of collapse, mean over seeds; KL and entropy while ` +
    `training, mean of the last three iterations:\n\n${markdown(thoughts)}\n`
  );
}

/** Signs of thought collapse, mean over evaluations. */
function signs(parts: readonly EvaluationPart[]): string[] {
  const mean = (value: (part: EvaluationPart) => number | null) => {
    const known = parts.flatMap((part) => value(part) ?? []);
    return number(known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length);
  };
  return [
    mean((part) => part.wellFormedRate),
    ...(['perceptionRate', 'validGoalRate', 'agreementRate', 'distinctPerState', 'selfBleu2'] as const).map((name) =>
      mean(({ thought }) => thought[name]),
    ),
  ];
}

/** Success by kind of deal, pooled over evaluations, and the share of readable actions. */
function groupTable(lines: readonly { title: string; parts: readonly EvaluationPart[] }[]): string {
  const names = [...new Set(lines.flatMap(({ parts }) => parts.flatMap(({ groups }) => Object.keys(groups))))];
  const rows = lines.map(({ title, parts }) => [
    title,
    ...names.map((name) => {
      const known = parts.flatMap(({ groups }) => groups[name] ?? []);
      return known.length === 0 ? '' : percent(pooled(known).success);
    }),
    percent(parts.reduce((sum, { legalRate }) => sum + legalRate, 0) / parts.length),
  ]);
  return markdown([['success, %', ...names, 'readable actions, %'], ...rows]);
}

function successInterval(parts: readonly (EvaluationPart | null)[], deals: string): string {
  const known = parts.filter((part) => part !== null);
  if (known.length === 0) return '';
  const { success, low, high, episodes } = pooled(known);
  return `**${percent(success)}** (${percent(low)} to ${percent(high)}; ${count(episodes)} ${deals})`;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

function number(value: number | null): string {
  return value === null ? '' : value.toFixed(2);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function markdown([head, ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
