/** `gtr reset`: continues a run from an earlier iteration, by Temporal's own reset. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { type Command, InvalidArgumentError } from 'commander';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { goesOnWith, RESET, whereItCanGoOn } from '../core/records/retention.ts';
import { readRunRecords, removeLaterRecords } from '../core/records/run-records.ts';
import { activityDependencies } from '../workers/installation.ts';
import { UsageError } from './errors.ts';
import { withClient } from './temporal.ts';

/**
 * `ResetReapplyExcludeType` of Temporal's API: signals and updates after the point are not applied again, because they
 * were meant for what is dropped.
 */
const REAPPLY_NEITHER = [1, 2];

export function register(program: Command): void {
  program
    .command('reset <run>')
    .description('continue from an earlier iteration, with the settings of that time; drops later ones')
    .requiredOption('--to <iterations>', 'whole iterations to keep; 0: from the first iteration', iterationCount)
    .action(async (run: string, { to }: { to: number }) => {
      const { store } = activityDependencies();
      await withClient((client) => resetRun(client, store, run, to));
      await removeLaterRecords(store, run, to);
      process.stdout.write(`${run}: continues after ${to} iterations.\n`);
    });
}

/** Parses a number of whole iterations. */
export function iterationCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number, 0 or more.');
  return Number(text);
}

/** The point of a run at which it started an iteration: the execution, and the workflow task that decided it. */
type IterationStart = { runId: string; eventId: NonNullable<unknown> };

async function resetRun(client: Client, store: ArtifactStore, run: string, to: number): Promise<void> {
  const { namespace } = client.options;
  const starts = await iterationStarts(client, run);
  const start = starts.get(to);
  if (start === undefined) {
    const begun = [...starts.keys()].sort((a, b) => a - b);
    throw new UsageError(
      `--to ${to}: ${run} ` +
        `${begun.length === 0 ? 'has not begun an iteration yet; wait for the first' : `can go back to ${begun[0]} to ${begun.at(-1)}, the iterations that it began itself`}.`,
    );
  }
  if (to > 0) await holdState(store, run, to);
  await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: run, runId: start.runId },
    reason: `gtr reset --to ${to}`,
    workflowTaskFinishEventId: start.eventId as never,
    requestId: randomUUID(),
    resetReapplyExcludeTypes: REAPPLY_NEITHER,
  });
}

/**
 * Holds the state that the run continues from, even while it is being released. The state before the first iteration is
 * rebuilt if it is gone.
 */
async function holdState(store: ArtifactStore, run: string, to: number): Promise<void> {
  const { iterations } = await readRunRecords(store, run);
  const before = iterations.find(({ iteration }) => iteration === to - 1);
  const owner = { run, slot: RESET };
  const refs = before === undefined ? [] : goesOnWith(iterations, to, before.config);
  const held = await Promise.all(refs.map((ref) => store.hold(owner, ref)));
  if (refs.length > 0 && held.every(Boolean) && refs.every(({ removed }) => !removed)) return;
  for (const ref of refs) await store.release(owner, ref);
  throw new UsageError(`--to ${to}: ${whereItCanGoOn(run, iterations)}; or give 0.`);
}

/** Where each iteration was last started: a long run has several executions, a reset run has more. */
async function iterationStarts(client: Client, run: string): Promise<Map<number, IterationStart>> {
  const executions = await Array.fromAsync(client.workflow.list({ query: `WorkflowId = "${run}"` }));
  await client.workflow.getHandle(run).describe(); // throws if there is no such run
  const starts = new Map<number, IterationStart>();
  for (const { runId } of executions.sort((a, b) => a.startTime.getTime() - b.startTime.getTime())) {
    const { events } = await client.workflow.getHandle(run, runId).fetchHistory();
    let newest = -1; // repeating a lower iteration later only restores artifacts: it is not the run's position
    for (const { startChildWorkflowExecutionInitiatedEventAttributes: child } of events!) {
      const [, iteration] = child?.workflowId?.startsWith(`${run}/`)
        ? (/\/iteration-(\d+)$/.exec(child.workflowId) ?? [])
        : [];
      if (iteration === undefined || Number(iteration) <= newest) continue;
      newest = Number(iteration);
      starts.set(newest, { runId, eventId: child!.workflowTaskCompletedEventId! });
    }
  }
  return starts;
}
