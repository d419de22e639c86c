/** `gtr runs`: all runs, their progress, and their size on disk. */
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { mapConcurrently } from '../core/artifacts/map-concurrently.ts';
import { findReferences } from '../core/artifacts/references.ts';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { listRuns, readRunRecords, type RunRecords } from '../core/records/run-records.ts';
import { activityDependencies } from '../workers/installation.ts';
import { megabytes } from '../core/artifacts/megabytes.ts';
import { recorded, type RunState } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';

/**
 * A run in a table. `success`: from the last evaluation, or before that from the newest training iterations; null
 * before the first. `bytes`: size of its artifacts in the store, including those shared with other runs.
 */
type RunRow = {
  run: string;
  status: RunState;
  iterations: number;
  iterationsInAll: number | null;
  success: number | null;
  bytes: number;
  startedAt: string | null;
};

export function register(program: Command): void {
  program
    .command('runs')
    .description('list the training runs: status, success, size on disk; without a server, from their records')
    .option('--json', 'one JSON array')
    .action(async ({ json }: { json?: boolean }) => {
      const { store } = activityDependencies();
      const told = await withClientIfAny(async (client) => (client === null ? null : await statusesOf(client)));
      const rows = await rowsOf(store, told);
      process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
    });
}

/** The status of each training run that the server knows. */
export async function statusesOf(client: Client): Promise<Map<string, RunState>> {
  const statuses = new Map<string, RunState>();
  for await (const { workflowId, status, searchAttributes } of client.workflow.list({
    query: 'WorkflowType = "train"',
  })) {
    if (statuses.has(workflowId)) continue; // of several executions the newest comes first
    const shown = (searchAttributes.GtrStatus as string[] | undefined)?.[0];
    const byStatus: Partial<Record<typeof status.name, RunState>> = {
      RUNNING: shown === 'paused' ? 'paused' : 'running',
      COMPLETED: shown === 'stopped' ? 'stopped' : 'done',
      CONTINUED_AS_NEW: 'running',
      CANCELLED: 'canceled',
      TERMINATED: 'terminated',
    };
    statuses.set(workflowId, byStatus[status.name] ?? 'failed');
  }
  return statuses;
}

/** A row for each run of the store, and for each that the server tells of; the one that began first comes first. */
export async function rowsOf(store: ArtifactStore, told: ReadonlyMap<string, RunState> | null): Promise<RunRow[]> {
  const sizes = new Map<string, number>();
  for await (const { sha256, bytes } of store.list()) if (sha256 !== null) sizes.set(sha256, bytes);
  const names = [...new Set([...(await listRuns(store)), ...(told?.keys() ?? [])])];
  const rows = await mapConcurrently(names, async (run) => {
    const records = await readRunRecords(store, run);
    const begun = records.start !== null || records.iterations.length > 0;
    return begun || told?.has(run) ? [rowOf(run, records, sizes, told?.get(run))] : [];
  });
  return rows.flat().sort((a, b) => ((a.startedAt ?? '') < (b.startedAt ?? '') ? -1 : 1));
}

function rowOf(
  run: string,
  records: RunRecords,
  sizes: ReadonlyMap<string, number>,
  status: RunState | undefined,
): RunRow {
  const { start, iterations, evaluations } = records;
  const last = iterations.at(-1);
  const config = last?.config ?? start?.config ?? null;
  const startedAt = iterations[0]?.startedAt ?? start?.startedAt;
  const named = new Set(findReferences([records.iterations, records.outcome]).map(({ sha256 }) => sha256));
  return {
    run,
    status: status ?? (config === null ? 'running' : recorded(config, records).status),
    iterations: iterations.length,
    iterationsInAll: config === null ? null : Math.ceil(config.envSteps / config.rollout.envStepsPerIteration),
    success:
      evaluations.find(({ label }) => label === 'final')?.result.success ??
      last?.metrics['episode/success/window'] ??
      null,
    bytes: [...named].reduce((sum, sha256) => sum + (sizes.get(sha256) ?? 0), 0),
    startedAt: startedAt === undefined ? null : new Date(startedAt).toISOString(),
  };
}

function table(rows: readonly RunRow[]): string {
  if (rows.length === 0) return 'There are no runs yet; `./gtr train` or `npm start` starts one.\n';
  const cells = [
    ['run', 'status', 'iterations', 'success', 'on disk', 'started'],
    ...rows.map(({ run, status, iterations, iterationsInAll, success, bytes, startedAt }) => [
      run,
      status,
      `${iterations}/${iterationsInAll ?? '?'}`,
      success === null ? '-' : `${(100 * success).toFixed(1)} %`,
      megabytes(bytes),
      startedAt?.slice(0, 16).replace('T', ' ') ?? '-',
    ]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
