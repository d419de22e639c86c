/** `gtr report`: a run as one self-contained HTML file. */
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { writeReport } from '../core/report/write-report.ts';
import { readRun } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';

export function register(program: Command): void {
  program
    .command('report <run>')
    .description('write the HTML report of a run')
    .action(async (run: string) => {
      process.stdout.write(`${await withClientIfAny((client) => reportRun(client, run))}\n`);
    });
}

/** Writes the report into the run's folder and returns its path. */
export async function reportRun(client: Client | null, runId: string): Promise<string> {
  return await writeReport({ runId, ...(await readRun(client, runId)) });
}
