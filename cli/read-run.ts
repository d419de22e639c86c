/** What the CLI knows of a training run, from Temporal and from its records. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { type RunRecords, runFolder, writeRunFolder } from '../core/records/run-records.ts';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../configs/schema.ts';
import { activityDependencies } from '../workers/installation.ts';

/**
 * The configuration that a run was started with, from its history. Throws `WorkflowNotFoundError`, or `ConfigError`
 * where the workflow is no training run.
 */
async function runConfigOf(client: Client, runId: string): Promise<RunConfig> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId: runId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return parseConfig(
    runConfigSchema,
    JSON.parse(Buffer.from(payload!.data!).toString('utf8')) as unknown,
    `run ${runId}`,
  );
}

/**
 * `status`: as Temporal calls it, in lower case; `forgotten` once its retention is over. `folder`: the run's files on
 * this machine, made anew.
 */
export type KnownRun = {
  config: RunConfig;
  status: string;
  startedAt: Date;
  folder: string;
  records: RunRecords;
  store: ArtifactStore;
};

/**
 * Everything about a run; one that Temporal has forgotten lives on in its records. Throws `WorkflowNotFoundError` when
 * there is neither.
 */
export async function readRun(client: Client, runId: string): Promise<KnownRun> {
  const { home, store } = activityDependencies();
  const records = await writeRunFolder(store, home, runId);
  const folder = runFolder(home, runId);
  const [first, last] = [records.iterations[0], records.iterations.at(-1)];
  try {
    const { status, startTime } = await client.workflow.getHandle(runId).describe();
    return {
      config: last?.config ?? (await runConfigOf(client, runId)),
      status: status.name.toLowerCase(),
      startedAt: first === undefined ? startTime : new Date(first.startedAt),
      folder,
      records,
      store,
    };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError) || last === undefined) throw error;
    return { config: last.config, status: 'forgotten', startedAt: new Date(first.startedAt), folder, records, store };
  }
}
