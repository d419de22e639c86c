/**
 * Trains the arms of a study and evaluates their final policies, as ordinary workflows with fixed names.
 */
import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { startRun } from '../../cli/start-run.ts';
import { Supervisor, WORKER_ROLES } from '../../cli/supervisor.ts';
import { withClient, workflowResult } from '../../cli/temporal.ts';
import { startInstallation } from '../../cli/up.ts';
import { workersAnswer } from '../../cli/workers-answer.ts';
import { gtrHome } from '../../workers/installation.ts';
import type { evaluate } from '../../workflows/evaluate.ts';
import type { sft } from '../../workflows/sft.ts';
import type { train } from '../../workflows/train.ts';
import type { StudyRun } from './arms.ts';
import { evaluationId, startId } from './outcomes.ts';

export const say = (line: string) => process.stdout.write(`${line}\n`);

/** Does `work` with the server and workers that answer, or with temporary ones that are stopped afterwards. */
export async function withInstallation(work: (client: Client) => Promise<void>): Promise<void> {
  const supervisor = new Supervisor(gtrHome(), say);
  // Ctrl-C: everything stops in order; the same command continues.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void supervisor.stop().then(() => process.exit(130)));
  try {
    if (!(await workersAnswer())) await startInstallation(supervisor, { server: true, roles: WORKER_ROLES });
    await withClient(work);
  } finally {
    await supervisor.stop();
  }
}

/** Resumable: finished runs are not repeated, and an open run continues. */
export async function trainAndEvaluate(client: Client, runs: readonly StudyRun[]): Promise<void> {
  for (const game of new Set(runs.map(({ arm }) => arm.game))) {
    const { config } = runs.find(({ arm }) => arm.game === game)!;
    await resultOf<typeof evaluate>(client, 'evaluate', startId(game), { config, policy: null });
  }
  for (const { id, config } of runs) {
    const { policy } = await resultOf<typeof train>(client, 'train', id, {
      ...config,
      evaluation: { ...config.evaluation, episodes: 0 },
    });
    const { success, low, high, heldOut } = await resultOf<typeof evaluate>(client, 'evaluate', evaluationId(id), {
      config,
      policy,
    });
    say(
      `${id}: success ${share(success)} (${share(low)} to ` +
        `${share(high)})${heldOut === null ? '' : `, held out ${share(heldOut.success)} (${share(heldOut.low)} to ${share(heldOut.high)})`}`,
    );
  }
}

/** The result of a workflow that was started under this id before, or is started now. */
export async function resultOf<W extends typeof train | typeof evaluate | typeof sft>(
  client: Client,
  type: string,
  id: string,
  input: Parameters<W>[0],
): Promise<Awaited<ReturnType<W>>> {
  const known = await client.workflow
    .getHandle(id)
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  if (known === null) {
    say(`${new Date().toISOString().slice(11, 19)}  ${id}`);
    await startRun(client, type, id, [input], '');
  }
  try {
    return await workflowResult<Awaited<ReturnType<W>>>(client, id);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    throw new Error(
      `${id} ended without a result (${error.cause?.message ?? error.message}); look at it in the Web UI, and ` +
        `delete it with \`temporal workflow delete\` to repeat it`,
    );
  }
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
