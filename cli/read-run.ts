/** The CLI's view of a training run: from its records, and from Temporal if a server answers. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { parseConfig, type RunConfig, runConfigSchema } from '../configs/schema.ts';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { addCounts, correctorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { readRunRecords, type RunRecords, runFolder, writeRunFolder } from '../core/records/run-records.ts';
import type { TrainResult } from '../core/records/train-result.ts';
import { activityDependencies, temporalConfig } from '../workers/installation.ts';
import type { Progress } from '../workflows/run-contract.ts';
import { explain, UsageError } from './errors.ts';

/** Open runs are `running` or `paused`; without a server, `running` is the last known status. */
export type RunState = 'running' | 'paused' | 'done' | 'stopped' | 'failed' | 'canceled' | 'terminated';

/**
 * `source`: whether a server was asked. `failure`: why a failed run failed. `progress`: that of an open run whose
 * workers answer. `result`: that of a run that is done or stopped. `folder`: the run's files on this machine,
 * rewritten.
 */
export type KnownRun = {
  source: 'server' | 'records';
  config: RunConfig;
  status: RunState;
  failure: string | null;
  progress: Progress | null;
  result: TrainResult | null;
  startedAt: Date;
  folder: string;
  records: RunRecords;
  store: ArtifactStore;
};

/** Temporal's information on a run. */
type Told = Pick<KnownRun, 'status' | 'failure' | 'progress' | 'result'> & { startedAt: Date };

/** Time within which the workers of an open run must report its progress. */
const QUERY_MS = 5000;

/**
 * Everything about a run. A run that Temporal has forgotten, or without a server (`client` null), is read from its
 * records. Throws a sentence if there are none, and `ConfigError` if the workflow is not a training run.
 */
export async function readRun(client: Client | null, runId: string): Promise<KnownRun> {
  const { home, store } = activityDependencies();
  await writeRunFolder(store, home, runId);
  const known = await lookAtRun(client, runId);
  if (known !== null) return known;
  throw new UsageError(
    `There is no run "${runId}" in ${store.location}, and ` +
      (client === null
        ? `no Temporal server answers at ${temporalConfig().address}.`
        : 'none on this server; `./gtr runs` lists the runs.'),
  );
}

/** The same without writing anything; null if there is no such run. */
export async function lookAtRun(client: Client | null, runId: string): Promise<KnownRun | null> {
  const { home, store } = activityDependencies();
  const records = await readRunRecords(store, runId);
  const { start, iterations } = records;
  const told = client === null ? null : await tellOf(client, runId);
  const config =
    iterations.at(-1)?.config ?? start?.config ?? (told === null ? null : await runConfigOf(client!, runId));
  if (config === null) return null;
  const startedAt = iterations[0]?.startedAt ?? start?.startedAt ?? told!.startedAt;
  return {
    source: told === null ? 'records' : 'server',
    config,
    ...(told ?? recorded(config, records)),
    startedAt: new Date(startedAt),
    folder: runFolder(home, runId),
    records,
    store,
  };
}

/** Null: the server knows no such run. */
async function tellOf(client: Client, runId: string): Promise<Told | null> {
  const handle = client.workflow.getHandle(runId);
  try {
    const { status, startTime, searchAttributes } = await handle.describe();
    const closed = { failure: null, progress: null, result: null, startedAt: startTime };
    if (status.name === 'COMPLETED') {
      const result = (await handle.result()) as TrainResult;
      return { ...closed, status: result.status, result };
    }
    if (status.name === 'CANCELLED') return { ...closed, status: 'canceled' };
    if (status.name === 'TERMINATED') return { ...closed, status: 'terminated' };
    if (status.name === 'RUNNING') {
      const progress = await client
        .withDeadline(Date.now() + QUERY_MS, () => handle.query<Progress>('progress'))
        .catch(() => null);
      const paused = (progress?.status ?? (searchAttributes.GtrStatus as string[] | undefined)?.[0]) === 'paused';
      return { ...closed, status: paused ? 'paused' : 'running', progress };
    }
    const failure = await handle.result().then(
      () => null,
      (error: unknown) => explain(error).message,
    );
    return { ...closed, status: 'failed', failure };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/**
 * The records' information. Those of version 0.1.0 have no outcome: there it follows from all iterations and the last
 * evaluation.
 */
export function recorded(config: RunConfig, { outcome, iterations, evaluations }: RunRecords): Omit<Told, 'startedAt'> {
  if (outcome !== null)
    return { status: outcome.status, failure: outcome.failure, progress: null, result: outcome.result };
  const none = { failure: null, progress: null, result: null };
  const last = iterations.at(-1);
  const all = iterations.length >= Math.ceil(config.envSteps / config.rollout.envStepsPerIteration);
  const evaluation = (label: string) => evaluations.find((one) => one.label === label)?.result ?? null;
  const final = evaluation('final');
  if (last === undefined || (final === null && !(all && config.evaluation.episodes === 0)))
    return { ...none, status: 'running' };
  const status = all ? 'done' : 'stopped';
  return {
    ...none,
    status,
    result: {
      status,
      iterations: iterations.length,
      envSteps: iterations.length * config.rollout.envStepsPerIteration,
      success: final?.success ?? null,
      policy: last.policy,
      optimizer: last.optimizer,
      corrections: { rows: last.metrics['corrections/rows'] ?? 0, manifest: last.corrections },
      corrector: iterations.map(({ metrics }) => correctorCounts(metrics)).reduce((a, b) => addCounts(a, b), NO_COUNTS),
      evaluation: { start: evaluation('start'), final },
    },
  };
}

/** The configuration that a run was started with, from its history. */
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
