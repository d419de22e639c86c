/** The markdown that Temporal's Web UI shows for a running workflow. */
import { type Doing, doingText } from '../core/episodes/doing.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { playedName } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { correctorLine } from '../core/episodes/corrector-counts.ts';
import type { TrainState } from './train-state.ts';
import type { Progress } from './run-contract.ts';

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Rows shown of a long run: the newest ones. */
const ROWS = 30;

export function progressDetails(
  config: RunConfig,
  progress: Progress,
  { state, final, doing }: { state: TrainState | null; final: EvaluatePolicyResult | null; doing: Doing | null },
): string {
  const evaluation = (name: string, result: EvaluatePolicyResult | null) =>
    result === null
      ? []
      : [
          `${name}: success **${percent(result.success)}** (95 %: ${percent(result.low)} to ` +
            `${percent(result.high)}, ${result.episodes} episodes)`,
          '',
        ];
  const rows = progress.summaries.slice(-ROWS);
  return [
    `### ${config.title || `${config.algorithm} on ${playedName(config)}`}`,
    '',
    `**${progress.status}**: ${progress.phase}, ${progress.envSteps} of ${progress.envStepsInAll} environment steps`,
    '',
    ...(progress.device === null ? [] : [`Computes on ${progress.device}`, '']),
    ...(doing === null || final !== null ? [] : [`Now: ${doingText(doing)}`, '']),
    ...(progress.halted === null ? [] : [`It waits for a person: ${progress.halted}`, '']),
    ...evaluation('Start', state?.startEvaluation ?? null),
    ...evaluation('Final', final),
    ...(rows.length === 0
      ? []
      : [
          '| iteration | success while training | mean reward | corrected | episodes | seconds |',
          '|---|---|---|---|---|---|',
        ]),
    ...rows.map(
      (row) =>
        `| ${row.iteration + 1} | ${percent(row.success)} | ${row.reward.toFixed(2)} | ` +
        `${percent(row.correctedRate)} | ${row.episodes} | ${row.seconds.toFixed(1)} |`,
    ),
    ...(state === null
      ? []
      : [
          '',
          `Correction rows: ${state.correctionRows}; ${correctorLine(progress.corrector)}`,
          '',
          `Policy \`${state.policy.sha256.slice(0, 12)}\``,
        ]),
  ].join('\n');
}
