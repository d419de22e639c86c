/** `gtr result`: what a run came to, as text or as one JSON object. */
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { runFolder, writeRunFolder } from '../activities/run-records.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { Progress, TrainResult } from '../workflows/train.ts';
import { withClient } from './temporal.ts';
import { resultLines } from './watch.ts';

export function register(program: Command): void {
  program
    .command('result <run>')
    .description('what a run came to')
    .option('--json', 'one JSON object')
    .action(async (run: string, { json }: { json?: boolean }) => {
      const { finished, ...result } = await withClient((client) => runResult(client, run));
      if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      else process.stdout.write(`${finished === null ? `${run}: ${result.status}` : resultLines(finished)}\n`);
    });
}

/** The contract's JSON object; fields that only a finished run has are null before. */
async function runResult(client: Client, run: string) {
  const handle = client.workflow.getHandle(run);
  const { status } = await handle.describe();
  const finished = status.name === 'COMPLETED' ? ((await handle.result()) as TrainResult) : null;
  const progress = status.name === 'RUNNING' ? await handle.query<Progress>('progress') : null;
  if (status.name !== 'COMPLETED' && status.name !== 'RUNNING') await handle.result(); // throws what went wrong
  const { home, store } = activityDependencies();
  await writeRunFolder(store, home, run);
  return {
    run,
    status: finished?.status ?? progress!.status,
    iterations: finished?.iterations ?? progress!.iteration,
    envSteps: finished?.envSteps ?? progress!.envSteps,
    success: finished?.success ?? null,
    policy: { sha256: finished?.policy.sha256 ?? null },
    optimizer: { sha256: finished?.optimizer.sha256 ?? null },
    corrections: { rows: finished?.corrections.rows ?? null },
    corrector: finished?.corrector ?? null,
    evaluation: finished?.evaluation ?? null,
    paths: { folder: runFolder(home, run) },
    finished,
  };
}
