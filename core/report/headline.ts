/** The top of a report: the run's settings, progress and result. */
import { algorithmOf } from '../../configs/algorithms.ts';
import type { EvaluationPart, SuccessRate } from '../learner/evaluation-part.ts';
import type { MetricsLine } from '../records/run-records.ts';
import { playedName } from '../../configs/mixture.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { type Html, html } from './html.ts';
import { duration, percent } from './number-format.ts';
import type { RunFiles } from './run-files.ts';

export function headline(
  runId: string,
  config: RunConfig,
  status: string,
  { lines, evaluations, device }: RunFiles & { device: string | null },
): Html {
  const iterations = Math.ceil(config.envSteps / config.rollout.envStepsPerIteration);
  const [start, final] = ['start', 'final'].map(
    (label) => evaluations.find((evaluation) => evaluation.label === label)?.result ?? null,
  );
  const heldOut = (start ?? final)?.heldOut != null;
  return html`<header>
<p class="run">${runId} <span class="status ${/^[a-z_]+$/.test(status) ? status : ''}">${status.replaceAll('_', ' ')}</span></p>
<h1>${config.title || `${config.algorithm} on ${playedName(config)}`}</h1>
<p class="facts">${fact('algorithm', config.algorithm)}${fact('environment', playedName(config))}${fact('policy', config.model.base)}${fact('teacher', algorithmOf(config).judges ? config.corrector.teacher : 'none')}${fact('seed', config.seed)}${device === null ? null : fact('computed on', device)}${config.rollout.ahead === 1 ? fact('samples', 'one update old (rollout.ahead)') : null}${config.parallel.exchange === 'float16' && config.parallel.gradients > 1 ? fact('gradients', 'exchanged in float16') : null}</p>
<div class="tiles">
${evaluationTile('Success', start, final)}
${final === null ? null : groupTile(final)}
${heldOut ? evaluationTile('Success on held-out deals', start?.heldOut ?? null, final?.heldOut ?? null) : null}
${tile('Iterations', `${lines.length} of ${iterations}`, `${sum(lines, 'envSteps') ?? lines.length * config.rollout.envStepsPerIteration} environment steps`)}
${tile('Correction rows', String(lines.at(-1)?.metrics['corrections/rows'] ?? 0), `${sum(lines, 'corrector/calls') ?? 0} corrector calls, ${costText(lines)}`)}
${tile('Time in iterations', lines.length === 0 ? '0 s' : duration(sum(lines, 'time/iteration') ?? 0), lines.length === 0 ? '' : `${duration((sum(lines, 'time/iteration') ?? 0) / lines.length)} each`)}
${interruptionsTile(lines)}
</div>
</header>
`;
}

function fact(name: string, value: string | number): Html {
  return html`<span>${name} <b>${value}</b></span> `;
}

function tile(name: string, value: string, detail: string): Html {
  return html`<div class="tile"><h3>${name}</h3><p class="big">${value}</p><p>${detail}</p></div>`;
}

/** Start and final success with their 95 % Wilson intervals on one axis from 0 to 100 %. */
function evaluationTile(name: string, start: EvaluationPart | null, final: EvaluationPart | null): Html {
  const newest = final ?? start;
  if (newest === null) return tile(name, 'not evaluated', 'see the curve of success while training');
  const big =
    start !== null && final !== null
      ? html`<span class="from">${percent(start.success)} →</span> ${percent(final.success)}`
      : percent(newest.success);
  const row = (label: string, part: EvaluationPart | null) =>
    part === null
      ? html`<tr><th>${label}</th><td colspan="2">not yet</td></tr>`
      : html`<tr><th>${label}</th><td>${percent(part.low)} to ${percent(part.high)}</td><td class="axis">${intervalBar(part)}</td></tr>`;
  return html`<div class="tile wide"><h3>${name}</h3><p class="big">${big}</p><table>${row('start', start)}${row('final', final)}</table><p>95 % Wilson intervals over ${newest.episodes} episodes separate from training</p></div>`;
}

/** For games on servers: episodes that could not be replayed. */
function interruptionsTile(lines: readonly MetricsLine[]): Html | null {
  const [restarted, dropped] = ['episode/restarted', 'episode/dropped'].map((metric) => sum(lines, metric));
  return restarted === null
    ? null
    : tile('Episodes that a server lost', `${restarted} restarted`, `${dropped ?? 0} dropped`);
}

/** Final success of each group of episodes, e.g. each type of task; nothing where a game has no groups. */
function groupTile({ groups, progress }: EvaluationPart): Html | null {
  const rows = Object.entries(groups)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([group, part]) =>
        html`<tr><th>${group.replaceAll('_', ' ')}</th><td>${percent(part.success)} of ${part.episodes}</td><td class="axis">${intervalBar(part)}</td></tr>`,
    );
  return rows.length === 0
    ? null
    : html`<div class="tile wide"><h3>Final success by group</h3><table>${rows}</table>${progress === null ? null : html`<p>${percent(progress)} of the goal reached on average</p>`}</div>`;
}

function intervalBar({ success, low, high }: SuccessRate): Html {
  const at = (value: number) => Math.round(value * 1000) / 10;
  return html`<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" y="3.5" width="100" height="1"/><rect class="span" x="${at(low)}" y="2" width="${at(high - low)}" height="4"/><rect class="value" x="${at(success) - 0.5}" width="1" height="8"/></svg>`;
}

/** The sum of the measured values; null if there are none. */
function sum(lines: readonly MetricsLine[], metric: string): number | null {
  const measured = lines.flatMap(({ metrics }) => metrics[metric] ?? []);
  return measured.length === 0 ? null : measured.reduce((total, value) => total + value, 0);
}

/** If the cost of one iteration is unknown, so is the total. */
function costText(lines: readonly MetricsLine[]): string {
  if (lines.some(({ metrics }) => metrics['corrector/costUsd'] === null)) return 'cost unknown';
  return `$${(sum(lines, 'corrector/costUsd') ?? 0).toFixed(2)}`;
}
