/** `gtr result`: the outcome of a run, as text or as one JSON object. */
import type { Command } from 'commander';
import { type KnownRun, readRun } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';
import { resultLines } from './watch.ts';

export function register(program: Command): void {
  program
    .command('result <run>')
    .description('the outcome of a run; without a server, from its records')
    .option('--json', 'one JSON object')
    .action(async (run: string, { json }: { json?: boolean }) => {
      const known = await withClientIfAny((client) => readRun(client, run));
      process.stdout.write(json ? `${JSON.stringify(resultObject(run, known), null, 2)}\n` : resultText(run, known));
    });
}

/** The JSON object of the command contract; fields of finished runs are null before the end. */
function resultObject(run: string, known: KnownRun) {
  const { status, failure, source, result, progress, records, config, folder } = known;
  const closedEarly = result === null && !isOpen(known) ? records.iterations.at(-1) : undefined;
  return {
    run,
    status,
    failure,
    source,
    iterations: result?.iterations ?? progress?.iteration ?? records.iterations.length,
    envSteps: result?.envSteps ?? progress?.envSteps ?? records.iterations.length * config.rollout.envStepsPerIteration,
    success: result?.success ?? null,
    policy: { sha256: result?.policy.sha256 ?? closedEarly?.policy.sha256 ?? null },
    optimizer: { sha256: result?.optimizer.sha256 ?? closedEarly?.optimizer.sha256 ?? null },
    corrections: { rows: result?.corrections.rows ?? closedEarly?.metrics['corrections/rows'] ?? null },
    corrector: result?.corrector ?? progress?.corrector ?? null,
    evaluation: result?.evaluation ?? null,
    paths: { folder },
  };
}

function resultText(run: string, known: KnownRun): string {
  const { status, failure, source, result, progress, records } = known;
  if (result !== null) return `${resultLines(result)}\n`;
  const iterations = progress?.iteration ?? records.iterations.length;
  const heard =
    isOpen(known) && source === 'records' ? ' when last seen; no Temporal server that knows it answers' : '';
  return `${run}: ${status} after ${iterations} iterations${heard}${failure === null ? '' : `: ${failure}`}\n`;
}

function isOpen({ status }: KnownRun): boolean {
  return status === 'running' || status === 'paused';
}
