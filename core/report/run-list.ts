/** All runs of a store as a page. */
import { html } from './html.ts';
import { percent } from './number-format.ts';
import { page } from './page.ts';

/** `success`: from 0 to 1; null: not known yet. `startedAt`: ISO 8601. */
export type ListedRun = {
  run: string;
  status: string;
  iterations: number;
  iterationsInAll: number | null;
  success: number | null;
  startedAt: string | null;
};

/** The page, which follows the runs; those that began last come first. */
export async function runListPage(runs: readonly ListedRun[]): Promise<string> {
  const rows = [...runs]
    .sort((a, b) => ((a.startedAt ?? '') < (b.startedAt ?? '') ? 1 : -1))
    .map(
      ({ run, status, iterations, iterationsInAll, success, startedAt }) =>
        html`<tr><td><a href="/runs/${encodeURIComponent(run)}">${run}</a></td><td><span class="status ${status}">${status}</span></td><td>${iterations} of ${iterationsInAll ?? '?'}</td><td>${success === null ? '' : percent(success)}</td><td>${startedAt?.slice(0, 16).replace('T', ' ') ?? ''}</td></tr>`,
    );
  return await page(
    'Runs',
    true,
    html`<h1>Runs</h1>
${rows.length === 0 ? html`<p class="empty">There are none yet.</p>` : html`<table class="runs"><tr><th>Run</th><th>Status</th><th>Iterations</th><th>Success</th><th>Started (UTC)</th></tr>${rows}</table>`}`,
  );
}
