/** What the activities of a run are at, as their heartbeats say. */
import type { Client } from '@temporalio/client';
import type { Doing } from '../core/episodes/doing.ts';

/** Of these workflows, the activities that tell something; nothing where a workflow is not there. */
export async function doingOf(client: Client, workflowIds: readonly string[]): Promise<Doing[]> {
  const told = await Promise.all(
    workflowIds.map(async (id) => {
      const described = await client.workflow
        .getHandle(id)
        .describe()
        .catch(() => null);
      return (described?.raw.pendingActivities ?? []).flatMap(({ heartbeatDetails }) => {
        const data = heartbeatDetails?.payloads?.[0]?.data;
        if (data == null || data.length === 0) return [];
        const details = JSON.parse(Buffer.from(data).toString('utf8')) as Doing | null;
        return details?.doing === undefined ? [] : [details];
      });
    }),
  );
  return told.flat();
}
