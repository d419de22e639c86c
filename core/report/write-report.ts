/** A run as one self-contained HTML file that loads nothing and runs no script. */
import path from 'node:path';
import { readSamples, type RunRecords } from '../records/run-records.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { charts } from './charts.ts';
import { headline } from './headline.ts';
import { html } from './html.ts';
import { page } from './page.ts';
import { readRunFiles, type RunFiles } from './run-files.ts';
import { configurationTables, metricsTable } from './tables.ts';
import { thoughtCards } from './thought-cards.ts';

export type WriteReportInput = {
  /** Folder of the run's files; the report is written into it. */
  folder: string;
  runId: string;
  config: RunConfig;
  store: ArtifactStore;
  records: Pick<RunRecords, 'start'>;
  /** `running`, `paused`, `done`, `stopped`, `failed`, `canceled`, `terminated`. */
  status: string;
};

/** Writes `<folder>/report.html` from the run's files so far and returns its path. */
export async function writeReport({ folder, ...run }: WriteReportInput): Promise<string> {
  const file = path.join(folder, 'report.html');
  await writeDurably(file, await reportPage({ ...run, files: await readRunFiles(folder), live: null }));
  return file;
}

/** `live`: a page that follows the run by `/follow.js`; `phase`: what the run is doing, if known. */
export type ReportPageInput = Omit<WriteReportInput, 'folder'> & {
  files: RunFiles;
  live: { phase: string | null } | null;
};

/** A run's report as HTML. */
export async function reportPage({
  runId,
  config,
  store,
  records,
  status,
  files,
  live,
}: ReportPageInput): Promise<string> {
  const { lines } = files;
  const selected = [...new Set([0, lines.length >> 1, lines.length - 1])].flatMap((index) => lines[index] ?? []);
  const thoughts = await Promise.all(
    selected.map(async ({ iteration, samples }) => thoughtCards(config, iteration, await readSamples(store, samples))),
  );
  return await page(
    config.title || runId,
    live !== null,
    html`${headline(runId, config, status, { ...files, device: records.start?.device ?? null })}
${live?.phase == null ? null : html`<p class="facts now">now: <b>${live.phase}</b></p>`}
${charts(files, config)}
<section><h2>Thoughts</h2>${thoughts.length === 0 ? html`<p class="empty">No iteration is done yet.</p>` : thoughts}</section>
<section><h2>Configuration</h2>${configurationTables(config)}</section>
${lines.length === 0 ? null : html`<section><details><summary>All metrics</summary>${metricsTable(lines)}</details></section>`}`,
  );
}
