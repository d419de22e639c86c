/** An evaluation as lines of text. */
import type { EvaluatePolicyResult, Evaluation } from '../core/records/evaluation.ts';
import { type CorrectorCounts, correctorLine } from '../core/episodes/corrector-counts.ts';
import { playedName } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { EvaluationPart, SuccessRate } from '../core/learner/evaluation-part.ts';

/** `cost`: that of an external model. */
export type Evaluated = EvaluatePolicyResult & {
  cost?: CorrectorCounts;
  evaluated: string;
  environment: RunConfig['environment'];
  environments?: RunConfig['environments'];
  evaluation: RunConfig['evaluation'];
};

export function evaluationLines({ evaluated, evaluation, cost, ...result }: Evaluated): string {
  const { environment, environments } = result;
  const plain = environments !== undefined || Object.keys(environment.options).length === 0;
  const deals = plain ? '' : ` ${JSON.stringify(environment.options)}`;
  const sampled = evaluated === 'solver' ? 'solver' : evaluation.decoding === 'greedy' ? 'greedy' : 'sampled';
  const sets: [string, EvaluationPart | null][] = [
    [sampled, result],
    [`${sampled}, held-out deals`, result.heldOut],
    ['greedy', result.greedy],
    ['greedy, held-out deals', result.greedy?.heldOut ?? null],
  ];
  const lines = [
    `${evaluated} on ${playedName(result)}${deals}, ${result.episodes} episodes (seed ${evaluation.seed}); intervals ` +
      `of 95 %`,
    ...sets.flatMap(([name, part]) => (part === null ? [] : partLines(name, part))),
    ...(cost === undefined ? [] : ['', costLine(cost)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Several evaluations, one row each: on the evaluation deals, and on the held-out ones if there are any. */
export function evaluationTable(evaluated: readonly Evaluated[]): string {
  const [first] = evaluated;
  const { evaluation, episodes } = first;
  const rows = evaluated.flatMap((one) => {
    const decodings: [string, Evaluation][] = [
      ['', one],
      ...(one.greedy === null ? [] : ([[' (greedy)', one.greedy]] as [string, Evaluation][])),
    ];
    return decodings.flatMap(([decoding, part]) =>
      (
        [
          ['', part],
          ['held-out ', part.heldOut],
        ] as [string, EvaluationPart | null][]
      ).flatMap(([deals, each]) =>
        each === null ? [] : [tableRow(`${one.evaluated}${decoding}`, `${deals}deals`, each, one.cost)],
      ),
    );
  });
  const table = [['policy', 'on', 'success', 'mean reward', 'steps', 'legal', 'well-formed', 'cost'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  return (
    `${playedName(first)}, ${episodes} episodes (seed ${evaluation.seed}); intervals of 95 ` +
    `%\n${lines.join('\n')}\n`
  );
}

function tableRow(policy: string, deals: string, part: EvaluationPart, cost: CorrectorCounts | undefined): string[] {
  return [
    policy,
    deals,
    rate(part),
    `${part.reward.toFixed(2)} (${part.rewardLow.toFixed(2)} to ${part.rewardHigh.toFixed(2)})`,
    part.length.toFixed(1),
    percent(part.legalRate),
    percent(part.wellFormedRate),
    cost === undefined ? '-' : dollars(cost),
  ];
}

/** The cost of an external model's moves. */
function costLine(cost: CorrectorCounts): string {
  return correctorLine(cost).replace('corrector: ', 'asked: ');
}

function dollars({ costUsd }: CorrectorCounts): string {
  return costUsd === null ? 'unknown' : `$${costUsd.toFixed(2)}`;
}

function partLines(name: string, part: EvaluationPart): string[] {
  const { thought, byEnvironment = {} } = part;
  return [
    '',
    `${name}: success ${rate(part)}, mean reward ${part.reward.toFixed(2)} (${part.rewardLow.toFixed(2)} to ` +
      `${part.rewardHigh.toFixed(2)})`,
    ...Object.entries(part.groups).map(
      ([group, members]) =>
        `  ${group}: ${rate(members)} of ${members.episodes}` +
        (group in byEnvironment ? `, mean reward ${byEnvironment[group].reward.toFixed(2)}` : ''),
    ),
    `  steps ${part.length.toFixed(1)}, legal ${percent(part.legalRate)}, well-formed ` +
      `${percent(part.wellFormedRate)}${part.progress === null ? '' : `, goal reached ${percent(part.progress)}`}`,
    ...(part.interruptions === undefined
      ? []
      : [`  episodes restarted ${part.interruptions.restarted}, dropped ${part.interruptions.dropped}`]),
    `  thoughts: picture read correctly ${percent(thought.perceptionRate)}, valid goal ${percent(thought.validGoalRate)}, ` +
      `action as thought ${percent(thought.agreementRate)}, distinct per state ${number(thought.distinctPerState)}, ` +
      `self-BLEU-2 ${number(thought.selfBleu2)}`,
  ];
}

function rate({ success, low, high }: SuccessRate): string {
  return `${percent(success)} (${percent(low)} to ${percent(high)})`;
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(100 * share).toFixed(1)} %`;
}

function number(value: number | null): string {
  return value === null ? '-' : value.toFixed(2);
}
