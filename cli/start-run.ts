/** Starting a workflow under a run's name. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { workflowQueue } from '../workers/installation.ts';
import { UsageError } from './errors.ts';
import { quoted } from './quoted.ts';

/**
 * Starts `type` with the id `id`. An id that was used before is refused, because the run's files carry its name.
 * `memo`: names the store that a workflow reads from, so that no worker with another store takes its work.
 */
export async function startRun<W extends Workflow>(
  client: Client,
  type: string,
  id: string,
  args: Parameters<W>,
  summary: string,
  memo: Record<string, unknown> = {},
): Promise<WorkflowHandle<W>> {
  try {
    return await client.workflow.start<W>(type, {
      workflowId: id,
      taskQueue: workflowQueue(),
      args,
      memo,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: summary || undefined,
    } as never);
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      throw new UsageError(
        `The run id "${id}" is in use; choose another --id, or follow that run with \`./gtr watch ${quoted(id)}\`.`,
      );
    throw error;
  }
}

/** Whether the server knows a workflow of this id, open or closed. */
export async function isKnown(client: Client, id: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(id).describe();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
