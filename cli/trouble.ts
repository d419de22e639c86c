/** What a run is waiting for in vain, as far as the server knows. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { quoted } from './quoted.ts';

/** The number of consecutive failures of an activity that is worth reporting. */
const TRIES = 3;

/** The time in which the end of a child workflow reaches the workflow that waits for it. */
const REPORTED_MS = 10_000;

/**
 * The newest failure of an activity of the run that keeps failing and is being retried, or a child workflow whose end
 * will never be reported; null if there is none.
 */
export async function troubleOf(client: Client, run: string): Promise<string | null> {
  for await (const { workflowId } of client.workflow.list({
    query: `RootWorkflowId = "${run}" AND ExecutionStatus = "Running"`,
  })) {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    const stuck = raw.pendingActivities?.find(
      ({ attempt, lastFailure }) => (attempt ?? 0) > TRIES && lastFailure?.message,
    );
    if (stuck != null) return stuck.lastFailure!.message!;
    for (const child of raw.pendingChildren ?? [])
      if (await hasEnded(client, child.workflowId!, child.runId!)) return endedUnheard(run, child.workflowId!);
  }
  return null;
}

/** Whether the child ended some time ago. */
async function hasEnded(client: Client, workflowId: string, runId: string): Promise<boolean> {
  try {
    const { closeTime } = await client.workflow.getHandle(workflowId, runId).describe();
    return closeTime !== undefined && Date.now() - closeTime.getTime() > REPORTED_MS;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false; // not begun yet
    throw error;
  }
}

/** https://github.com/temporalio/temporal/issues/10639 */
function endedUnheard(run: string, child: string): string {
  const [, iteration] = /\/iteration-(\d+)/.exec(child.slice(run.length)) ?? [];
  return (
    `${child} ended while the run was closed, and Temporal does not report that to a run that was reset to after its ` +
    `start; \`./gtr reset ${quoted(run)} --to ${iteration ?? 0}\` starts it again`
  );
}
