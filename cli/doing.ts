/** What the activities of a run are doing, from their heartbeats. */
import type { Client } from '@temporalio/client';
import type { Doing } from '../core/episodes/doing.ts';

/** Steps that have run for less are not mentioned. */
const SHOWN_SECONDS = 5;

/** The activities of these workflows that report something; nothing for a workflow that does not exist. */
export async function doingOf(client: Client, workflowIds: readonly string[]): Promise<Doing[]> {
  const told = await Promise.all(
    workflowIds.map(async (id) => {
      const described = await client.workflow
        .getHandle(id)
        .describe()
        .catch(() => null);
      return (described?.raw.pendingActivities ?? []).flatMap(({ heartbeatDetails, lastHeartbeatTime }) => {
        const data = heartbeatDetails?.payloads?.[0]?.data;
        if (data == null || data.length === 0) return [];
        const details = JSON.parse(Buffer.from(data).toString('utf8')) as Doing | null;
        if (details?.doing === undefined) return [];
        const seconds = (details.toldSecondsAgo ?? 0) + Math.round((Date.now() - msOf(lastHeartbeatTime)) / 1000);
        return [seconds < SHOWN_SECONDS ? details : { ...details, toldSecondsAgo: seconds }];
      });
    }),
  );
  return told.flat();
}

function msOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;
}
