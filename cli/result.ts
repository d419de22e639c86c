/** `gtr result`: what a run came to, as text or as one JSON object. */
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { runFolder, writeRunFolder } from '../core/records/run-records.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { Progress, TrainResult } from '../workflows/run-contract.ts';
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
      else
        process.stdout.write(
          `${finished === null ? `${run}: ${result.status} after ${result.iterations} iterations` : resultLines(finished)}\n`,
        );
    });
}

/** Ways to close that leave what the last whole iteration came to. */
const CLOSED_EARLY = ['CANCELED', 'CANCELLED', 'TERMINATED'];

/**
 * The contract's JSON object; fields that only a finished run has are null before. A run that was cancelled or
 * terminated is told from its records.
 */
async function runResult(client: Client, run: string) {
  const handle = client.workflow.getHandle(run);
  const { status } = await handle.describe();
  const finished = status.name === 'COMPLETED' ? ((await handle.result()) as TrainResult) : null;
  const progress = status.name === 'RUNNING' ? await handle.query<Progress>('progress') : null;
  const closedEarly = CLOSED_EARLY.includes(status.name);
  if (finished === null && progress === null && !closedEarly) await handle.result(); // throws what went wrong
  const { home, store } = activityDependencies();
  const { iterations } = await writeRunFolder(store, home, run);
  const last = closedEarly ? iterations.at(-1) : undefined;
  return {
    run,
    status: finished?.status ?? progress?.status ?? (status.name === 'TERMINATED' ? 'terminated' : 'canceled'),
    iterations: finished?.iterations ?? progress?.iteration ?? iterations.length,
    envSteps:
      finished?.envSteps ?? progress?.envSteps ?? iterations.length * (last?.config.rollout.envStepsPerIteration ?? 0),
    success: finished?.success ?? null,
    policy: { sha256: finished?.policy.sha256 ?? last?.policy.sha256 ?? null },
    optimizer: { sha256: finished?.optimizer.sha256 ?? last?.optimizer.sha256 ?? null },
    corrections: { rows: finished?.corrections.rows ?? last?.metrics['corrections/rows'] ?? null },
    corrector: finished?.corrector ?? progress?.corrector ?? null,
    evaluation: finished?.evaluation ?? null,
    paths: { folder: runFolder(home, run) },
    finished,
  };
}
