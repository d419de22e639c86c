/** An evaluation as lines for people. */
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { EvaluationPart, SuccessRate } from '../core/learner/evaluation-part.ts';

export type Evaluated = EvaluatePolicyResult & {
  evaluated: string;
  environment: RunConfig['environment'];
  evaluation: RunConfig['evaluation'];
};

export function evaluationLines({ evaluated, environment, evaluation, ...result }: Evaluated): string {
  const deals = Object.keys(environment.options).length === 0 ? '' : ` ${JSON.stringify(environment.options)}`;
  const sampled = evaluated === 'solver' ? 'solver' : evaluation.decoding === 'greedy' ? 'greedy' : 'sampled';
  const sets: [string, EvaluationPart | null][] = [
    [sampled, result],
    [`${sampled}, held-out deals`, result.heldOut],
    ['greedy', result.greedy],
    ['greedy, held-out deals', result.greedy?.heldOut ?? null],
  ];
  const lines = [
    `${evaluated} on ${environment.name}${deals}, ${result.episodes} episodes (seed ${evaluation.seed}); intervals ` +
      `of 95 %`,
    ...sets.flatMap(([name, part]) => (part === null ? [] : partLines(name, part))),
  ];
  return `${lines.join('\n')}\n`;
}

function partLines(name: string, part: EvaluationPart): string[] {
  const { thought } = part;
  return [
    '',
    `${name}: success ${rate(part)}, mean reward ${part.reward.toFixed(2)} (${part.rewardLow.toFixed(2)} to ` +
      `${part.rewardHigh.toFixed(2)})`,
    ...Object.entries(part.groups).map(([group, members]) => `  ${group}: ${rate(members)} of ${members.episodes}`),
    `  steps ${part.length.toFixed(1)}, legal ${percent(part.legalRate)}, well-formed ${percent(part.wellFormedRate)}${part.progress === null ? '' : `, goal reached ${percent(part.progress)}`}`,
    `  thoughts: seen rightly ${percent(thought.perceptionRate)}, valid goal ${percent(thought.validGoalRate)}, ` +
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
