/** The configuration and all metrics as tables. */
import type { MetricsLine } from '../records/run-records.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { type Html, html } from './html.ts';
import { compactNumber } from './number-format.ts';

/** One row per tunable, named by its path; each part of the configuration is a separate table. */
export function configurationTables(config: RunConfig): Html {
  const { $schema: _, ...shown } = config;
  const isPart = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const parts = Object.entries(shown).filter(([, value]) => isPart(value));
  const single = Object.entries(shown).filter(([, value]) => !isPart(value));
  return html`<div class="tables">${table('run', single)}${parts.map(([name, value]) => table(name, leaves(value)))}</div>`;
}

/** `[path, value]` of everything below; lists and empty objects are values. */
function leaves(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`));
}

function table(name: string, rows: readonly [string, unknown][]): Html {
  return html`<table><caption>${name}</caption>${rows.map(([key, value]) => html`<tr><th>${key}</th><td>${typeof value === 'string' ? value : JSON.stringify(value)}</td></tr>`)}</table>
`;
}

/** Every metric in the first, middle and last iteration. */
export function metricsTable(lines: readonly MetricsLine[]): Html {
  const shown = [...new Set([0, lines.length >> 1, lines.length - 1])].flatMap((index) => lines[index] ?? []);
  const names = [...new Set(shown.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  const cell = (value: number | null | undefined) => html`<td>${value == null ? '–' : compactNumber(value)}</td>`;
  return html`<div class="scroll"><table class="metrics"><tr><th>metric</th>${shown.map(({ iteration }) => html`<th>iteration ${iteration + 1}</th>`)}</tr>
${names.map(
  (name) => html`<tr><th>${name}</th>${shown.map(({ metrics }) => cell(metrics[name]))}</tr>
`,
)}</table></div>`;
}
