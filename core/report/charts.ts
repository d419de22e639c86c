/** The curves of a report: metrics of spec.md section 9 over iterations. */
import type { MetricsLine } from '../records/run-records.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { labelOf } from '../../configs/mixture.ts';
import { type Html, html } from './html.ts';
import { type LineChart, lineChart, type Mark } from './line-chart.ts';
import { duration, percent } from './number-format.ts';
import type { Evaluation, RunFiles } from './run-files.ts';
import { stackedChart } from './stacked-chart.ts';

/** A chart by metric names: `[name of the curve, metric]`. */
type Row = Omit<LineChart, 'series'> & { curves: readonly (readonly [string, string])[] };

const share = { yMin: 0, yMax: 1, format: percent };

/** `ifMeasured`: shown only where an iteration has one of these. */
const SECTIONS: readonly { title: string; rows: readonly Row[]; ifMeasured?: readonly string[] }[] = [
  {
    title: 'Learning',
    rows: [
      {
        title: 'Thoughts judged',
        note: 'share of judged thoughts',
        curves: [
          ['correct', 'thought/correctRate'],
          ['corrected', 'thought/correctedRate'],
          ['no solution', 'thought/noSolutionRate'],
        ],
        ...share,
      },
      {
        title: 'Episode reward',
        note: 'mean over the episodes of the iteration',
        curves: [['reward', 'episode/reward/mean']],
      },
    ],
  },
  {
    title: 'Thought collapse',
    rows: [
      {
        title: 'Self-BLEU-2',
        note: '1: all thoughts are the same',
        curves: [['self-BLEU-2', 'thought/selfBleu2']],
        yMin: 0,
        yMax: 1,
      },
      {
        title: 'Distinct thoughts per state',
        note: 'falls when the answer ignores the picture',
        curves: [['distinct thoughts', 'thought/distinctPerState']],
        yMin: 0,
      },
      {
        title: 'Content of thoughts',
        note: 'share of well-formed thoughts',
        curves: [
          ['picture read correctly', 'thought/perceptionRate'],
          ['aim leads to success', 'thought/validGoalRate'],
          ['action as in the thought', 'thought/agreementRate'],
        ],
        ...share,
      },
      {
        title: 'Thoughts and observations',
        note: 'mutual information, nats per thought; gain by the picture, nats per token',
        curves: [
          ['mutual information', 'collapse/mutualInformation'],
          ['picture gain', 'collapse/pictureGain'],
        ],
      },
      {
        title: 'Perplexity',
        note: 'of thoughts under the starting checkpoint',
        curves: [['perplexity', 'thought/perplexity']],
        yMin: 1,
      },
      {
        title: 'Response length',
        note: 'tokens',
        curves: [
          ['response', 'response/tokens'],
          ['its thought', 'thought/tokens'],
        ],
        yMin: 0,
      },
      {
        title: 'Well-formed and legal',
        note: 'share of responses',
        curves: [
          ['well-formed', 'response/wellFormedRate'],
          ['legal action', 'action/legalRate'],
        ],
        yMax: 1,
        format: percent,
      },
    ],
  },
  {
    title: "The run's own teacher",
    ifMeasured: ['teacher/checkpoints'],
    rows: [
      {
        title: 'Distance from the teacher',
        note: 'nats per token, mean over answers',
        curves: [['distance', 'teacher/kl']],
      },
      {
        title: 'Checkpoints',
        note: 'merged into the teacher; 0: the start model',
        curves: [['checkpoints', 'teacher/checkpoints']],
        yMin: 0,
      },
      {
        title: 'Thoughts of the teacher',
        note: 'share of steps with a well-formed thought of the teacher',
        curves: [['well-formed', 'teacher/wellFormedRate']],
        ...share,
      },
    ],
  },
  {
    title: 'Groups of episodes',
    ifMeasured: ['group/count'],
    rows: [
      {
        title: 'Groups',
        note: 'trained on, or why not',
        curves: [
          ['trained on', 'group/kept'],
          ['equal returns', 'group/withoutVariance'],
          ['dropped by grpo.topP', 'group/filtered'],
          ['incomplete', 'group/incomplete'],
        ],
        yMin: 0,
      },
      { title: 'Deviation within groups', curves: [['deviation of returns', 'group/deviation']], yMin: 0 },
    ],
  },
  {
    title: 'Update',
    rows: [
      { title: 'PPO action loss', curves: [['loss', 'loss/ppo']] },
      { title: 'Value loss', curves: [['loss', 'loss/value']], yMin: 0 },
      { title: 'SFT loss', note: 'cross-entropy of corrected thoughts', curves: [['loss', 'loss/sft']], yMin: 0 },
      { title: 'KL from the sampling policy', curves: [['KL', 'policy/kl']], yMin: 0 },
      { title: 'Clip fraction', curves: [['clipped', 'policy/clipFraction']], yMin: 0, format: percent },
      { title: 'Entropy', curves: [['entropy', 'policy/entropy']], yMin: 0 },
      { title: 'Gradient norm', note: 'before clipping', curves: [['norm', 'update/gradNorm']], yMin: 0 },
      {
        title: 'Speed',
        note: 'tokens sampled per second of sampling',
        curves: [['tokens per second', 'time/tokensPerSecond']],
        yMin: 0,
      },
      { title: 'Learning rate', curves: [['learning rate', 'update/lr']], yMin: 0 },
      { title: 'SFT weight', curves: [['weight', 'update/sftCoef']], yMin: 0 },
    ],
  },
];

/** All sections of curves; one sentence while no iteration is done. */
export function charts({ lines, evaluations }: RunFiles, { environments = [] }: RunConfig): Html {
  if (lines.length === 0) return html`<section><h2>Curves</h2><p class="empty">No iteration is done yet.</p></section>`;
  const shown = SECTIONS.filter(({ ifMeasured }) => ifMeasured?.some((metric) => isMeasured(lines, metric)) ?? true);
  return html`${shown.map(({ title, rows }, index) => {
    const figures = rows.map(({ curves, ...chart }) =>
      lineChart({ ...chart, series: curves.map(([name, metric]) => ({ name, values: valuesOf(lines, metric) })) }),
    );
    const drawn =
      index === 0
        ? [successChart(lines, evaluations), ...environmentChart(lines, environments.map(labelOf)), ...figures]
        : index === shown.length - 1
          ? [...figures, timeChart(lines)]
          : figures;
    return html`<section><h2>${title}</h2><div class="charts">${drawn}</div></section>
`;
  })}`;
}

function isMeasured(lines: readonly MetricsLine[], metric: string): boolean {
  return valuesOf(lines, metric).some((value) => value !== null);
}

function valuesOf(lines: readonly MetricsLine[], metric: string): (number | null)[] {
  return lines.map(({ metrics }) => metrics[metric] ?? null);
}

function successChart(lines: readonly MetricsLine[], evaluations: readonly Evaluation[]): Html {
  const marks = evaluations.flatMap(({ label, iterationsDone, result: { heldOut, ...all } }): Mark[] => [
    { name: `evaluation (${label})`, iterationsDone, ...all, value: all.success, hollow: false },
    ...(heldOut === null
      ? []
      : [{ name: `held-out evaluation (${label})`, iterationsDone, ...heldOut, value: heldOut.success, hollow: true }]),
  ]);
  return lineChart({
    title: 'Success',
    note:
      '95 % ' +
      `band${marks.length > 0 ? '; dots: evaluations' : ''}${marks.some(({ hollow }) => hollow) ? ' (hollow: held out)' : ''}`,
    series: [
      {
        name: 'success while training',
        values: valuesOf(lines, 'episode/success'),
        low: valuesOf(lines, 'episode/success/low'),
        high: valuesOf(lines, 'episode/success/high'),
      },
    ],
    marks,
    yMin: 0,
    format: percent,
  });
}

/** In a mixture: success in each environment. */
function environmentChart(lines: readonly MetricsLine[], labels: readonly string[]): Html[] {
  if (labels.length === 0) return [];
  const series = labels.map((name) => ({ name, values: valuesOf(lines, `${name}/episode/success`) }));
  return [
    lineChart({ title: 'Success by environment', note: 'while training', series, yMin: 0, yMax: 1, format: percent }),
  ];
}

/** Judging runs concurrently with sampling: only the time beyond sampling alone counts as correction. */
function timeChart(lines: readonly MetricsLine[]): Html {
  const phases = lines.map(({ metrics }) => {
    const seconds = (phase: string) => metrics[`time/${phase}`] ?? 0;
    const both = seconds('sampleAndCorrect');
    const sample = Math.min(seconds('sample'), both);
    const correct = Math.min(seconds('correct'), both - sample);
    const [assemble, update] = [seconds('assemble'), seconds('update')];
    return [
      sample,
      correct,
      assemble,
      update,
      Math.max(0, seconds('iteration') - sample - correct - assemble - update),
    ];
  });
  const parts = ['sample', 'correct', 'assemble', 'update', 'else'].map((name, index) => ({
    name,
    values: phases.map((phase) => phase[index]),
  }));
  return stackedChart({
    title: 'Time per iteration',
    note: 'correction: only what sampling did not cover',
    parts,
    format: duration,
  });
}
