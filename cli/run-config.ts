/** The configuration that a run was started with, from its history. */
import type { Client } from '@temporalio/client';
import { parseConfig, type RunConfig, runConfigSchema } from '../configs/schema.ts';

/** Throws `WorkflowNotFoundError`, or `ConfigError` where the workflow is no training run. */
export async function runConfigOf(client: Client, runId: string): Promise<RunConfig> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({ namespace, execution: { workflowId: runId }, maximumPageSize: 1 });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return parseConfig(runConfigSchema, JSON.parse(Buffer.from(payload!.data!).toString('utf8')) as unknown, `run ${runId}`);
}
