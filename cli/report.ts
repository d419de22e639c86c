/** `gtr report`: a run as one self-contained HTML file. */
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { runFolder } from '../activities/publish-metrics.ts';
import { writeReport } from '../report/write-report.ts';
import { activityDependencies } from '../workers/installation.ts';
import { runConfigOf } from './run-config.ts';
import { withClient } from './temporal.ts';

export function register(program: Command): void {
  program
    .command('report <run>')
    .description('write the HTML report of a run')
    .action(async (run: string) => {
      process.stdout.write(`${await withClient((client) => reportRun(client, run))}\n`);
    });
}

/** Writes the report into the run's folder and returns its path. */
export async function reportRun(client: Client, runId: string): Promise<string> {
  const { home, store } = activityDependencies();
  const handle = client.workflow.getHandle(runId);
  const { status } = await handle.describe();
  const config = await runConfigOf(client, runId);
  return await writeReport({ folder: runFolder(home, runId), runId, config, store, status: status.name.toLowerCase() });
}
