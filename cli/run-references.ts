/** Finds the artifacts that runs refer to, in their records and in Temporal's histories of their workflows. */
import { type Client, type WorkflowExecutionInfo, WorkflowNotFoundError } from '@temporalio/client';
import { findReferences } from '../core/artifacts/references.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { mapConcurrently } from '../core/artifacts/map-concurrently.ts';
import { recordFolder } from '../core/records/run-records.ts';

/** Every execution that the server knows, open or closed. */
export async function allExecutions(client: Client): Promise<WorkflowExecutionInfo[]> {
  return await Array.fromAsync(client.workflow.list());
}

/** Whether an execution belongs to a run: itself, an iteration, a wave. */
export function belongsTo(run: string, { workflowId }: Pick<WorkflowExecutionInfo, 'workflowId'>): boolean {
  return workflowId === run || workflowId.startsWith(`${run}/`);
}

/**
 * References in an execution's history and in the heartbeats of its running activities; none if it was deleted
 * meanwhile. Throws if payloads cannot be read, because then references are unknown.
 */
export async function referencesOfExecution(
  client: Client,
  { workflowId, runId }: Pick<WorkflowExecutionInfo, 'workflowId' | 'runId'>,
): Promise<ArtifactRef[]> {
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    const [history, described] = await Promise.all([handle.fetchHistory(), handle.describe()]);
    return [...payloadValues(history.events), ...payloadValues(described.raw.pendingActivities)].flatMap(
      findReferences,
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return [];
    throw error;
  }
}

/** References of all records below a folder of records, by record. */
export async function referencesOfRecords(store: ArtifactStore, folder: string): Promise<ArtifactRef[]> {
  const records = await mapConcurrently(await store.listRecords(folder), (name) => store.getRecord(name));
  return records.flatMap(findReferences);
}

/** A run's references by owner: its records, and each of its executions if a server answers. */
export async function referencesOfRun(
  client: Client | null,
  store: ArtifactStore,
  run: string,
): Promise<Map<string, ArtifactRef[]>> {
  const found = client === null ? [] : await referencesOfExecutions(client, run);
  const records = await referencesOfRecords(store, recordFolder(run));
  return new Map([...(records.length > 0 ? [[`records of ${run}`, records] as const] : []), ...merged(found)]);
}

async function referencesOfExecutions(client: Client, run: string): Promise<(readonly [string, ArtifactRef[]])[]> {
  const executions = (await allExecutions(client)).filter((execution) => belongsTo(run, execution));
  return await mapConcurrently(
    executions,
    async (execution) => [execution.workflowId, await referencesOfExecution(client, execution)] as const,
  );
}

/** Executions that continue each other share an id. */
export function merged(found: readonly (readonly [string, ArtifactRef[]])[]): Map<string, ArtifactRef[]> {
  const byOwner = new Map<string, ArtifactRef[]>();
  for (const [owner, refs] of found) byOwner.set(owner, [...(byOwner.get(owner) ?? []), ...refs]);
  return byOwner;
}

/** Encodings whose data is JSON, and encodings without references. */
const JSON_ENCODINGS = new Set(['json/plain', 'json/protobuf']);
const EMPTY_ENCODINGS = new Set(['binary/null', 'binary/plain', 'binary/protobuf']);

/** The values of all payloads anywhere in a protobuf message. */
function payloadValues(message: unknown): unknown[] {
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) return [];
  if (Array.isArray(message)) return message.flatMap(payloadValues);
  const { metadata, data } = message as { metadata?: { encoding?: Uint8Array | null }; data?: Uint8Array | null };
  if (!(metadata?.encoding instanceof Uint8Array)) return Object.values(message).flatMap(payloadValues);
  const encoding = Buffer.from(metadata.encoding).toString();
  if (JSON_ENCODINGS.has(encoding)) return [JSON.parse(Buffer.from(data ?? []).toString('utf8'))];
  if (EMPTY_ENCODINGS.has(encoding)) return [];
  throw new Error(
    `Temporal holds payloads in the encoding "${encoding}", whose references cannot be read; delete nothing ` +
      `until they can be`,
  );
}
