/** A separate installation for tests: its own Temporal server, workers and home, nothing shared with the user's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../cli/free-port.ts';
import type { Client } from '@temporalio/client';
import {
  Supervisor,
  type SupervisorSettings,
  type WorkerProcess,
  WORKER_ROLES,
  type WorkerRole,
} from '../../cli/supervisor.ts';
import { withClient } from '../../cli/temporal.ts';
import { temporalConfig } from '../../workers/installation.ts';

/**
 * Changes that turn `configs/smoke.json` into a run of one small iteration without evaluation, as arguments of `gtr
 * train`.
 */
export const SMALLEST = [
  'envSteps=16',
  'rollout.envStepsPerIteration=16',
  'rollout.episodesPerWave=8',
  'ppo.epochs=1',
  'evaluation.episodes=0',
].flatMap((change) => ['--set', change]);

export type Installation = { supervisor: Supervisor; home: string; stop(): Promise<void> };

/**
 * Starts a server and workers (of all roles by default) and sets this process's environment, so that the CLI's
 * functions reach them.
 */
export async function startInstallation({
  roles = WORKER_ROLES,
  ...settings
}: SupervisorSettings & { roles?: readonly (WorkerRole | WorkerProcess)[] } = {}): Promise<Installation> {
  const home = await mkdtemp(path.join(tmpdir(), 'gtr-test-'));
  process.env.GTR_HOME = home;
  process.env.TEMPORAL_ADDRESS = `127.0.0.1:${await freePort()}`;
  const supervisor = new Supervisor(home, () => {}, settings);
  await supervisor.startServer(temporalConfig().address);
  await Promise.all(roles.map((role) => supervisor.startWorker(role)));
  return {
    supervisor,
    home,
    stop: async () => {
      await supervisor.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Waits until an activity of this type runs in a workflow and, if asked, has reported a resume point. */
export async function activityRuns(
  client: Client,
  workflowId: string,
  type: string,
  { resumePoint = false } = {},
): Promise<void> {
  for (;;) {
    const described = await client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => null);
    const pending = described?.raw.pendingActivities ?? [];
    if (
      pending.some(
        ({ activityType, state, heartbeatDetails }) =>
          activityType?.name === type && state === 2 && (!resumePoint || hasResumePoint(heartbeatDetails)),
      )
    )
      return;
    if (described !== null && described.status.name !== 'RUNNING')
      throw new Error(`${workflowId} ended before ${type} was seen`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Whether a heartbeat carries a resume point in addition to progress. */
export function hasResumePoint(details: { payloads?: { data?: Uint8Array | null }[] | null } | null | undefined) {
  const data = details?.payloads?.[0]?.data;
  const value: unknown = data == null || data.length === 0 ? null : JSON.parse(Buffer.from(data).toString());
  return typeof value === 'object' && value !== null && 'resumePoint' in value;
}

export { withClient };
