/** Sizes of everything that a run left on the server. */
import type { Client } from '@temporalio/client';

/** `events`: of one execution; `largestPayload`: bytes of the largest argument, result, heartbeat or detail in it. */
export type HistorySize = { workflowId: string; type: string; events: number; largestPayload: number };

/** Every execution of a run: itself, continued or not, and its descendants. */
export async function measureHistories(client: Client, runId: string): Promise<HistorySize[]> {
  const sizes: HistorySize[] = [];
  for await (const { workflowId, runId: execution, type } of client.workflow.list({
    query: `RootWorkflowId = "${runId}"`,
  })) {
    const { events } = await client.workflow.getHandle(workflowId, execution).fetchHistory();
    sizes.push({ workflowId, type, events: events!.length, largestPayload: largestPayload(events) });
  }
  return sizes;
}

/** Bytes of the largest payload anywhere in a protobuf message. */
function largestPayload(message: unknown): number {
  if (typeof message !== 'object' || message === null) return 0;
  if (message instanceof Uint8Array) return message.byteLength;
  return Object.values(message).reduce<number>((largest, value) => Math.max(largest, largestPayload(value)), 0);
}
