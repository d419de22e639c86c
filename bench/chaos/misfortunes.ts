/**
 * Other misfortunes of a run: its machine falls asleep, its disk fills up, its artifacts are damaged, its server is
 * unreachable. Each returns the run's outcome.
 */
import { readdirSync } from 'node:fs';
import { open, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Supervisor } from '../../cli/supervisor.ts';
import { withClient } from '../../cli/temporal.ts';
import type { FaultSwitch } from './fault-switch.ts';
import { runningPid, startSmoke } from './kills.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

type Scene = { supervisor: Supervisor; home: string; faults: FaultSwitch };

const NEVER = new AbortController().signal;
const LOOK_MS = 100;

/**
 * The GPU worker's machine sleeps (SIGSTOP) in the middle of an update, longer than the heartbeat timeout. Another GPU
 * worker takes the activity over and has done its work when the sleeper wakes up (SIGCONT): then both write and report.
 * Only the second may count.
 */
export async function machineAsleep(
  { supervisor, home, faults }: Scene,
  runId: string,
  changes: readonly string[] = [],
): Promise<Outcome> {
  await faults.arm({ activity: 'updatePolicy', point: 'written', writes: 3 });
  await startSmoke(runId, changes);
  await faults.reached(NEVER);
  const sleeper = await runningPid(supervisor, 'gpu');
  process.kill(sleeper, 'SIGSTOP');
  const other = new Supervisor(path.join(home, 'other-machine'), () => {});
  try {
    await faults.arm({ activity: 'updatePolicy', point: 'end' });
    await faults.release(); // the sleeper does not notice
    await other.startWorker('gpu');
    await faults.reached(NEVER);
    process.kill(sleeper, 'SIGCONT');
    await faults.release();
    return await outcomeOf(runId);
  } finally {
    await other.stop();
  }
}

/** The server is stopped for `seconds` in the middle of everything. */
export async function serverAway(
  { supervisor, faults }: Scene,
  runId: string,
  seconds: number,
  changes: readonly string[] = [],
): Promise<Outcome> {
  await faults.arm({ activity: 'rolloutWave', point: 'written', writes: 1 });
  await startSmoke(runId, changes);
  await faults.reached(NEVER);
  const server = await runningPid(supervisor, 'server');
  process.kill(server, 'SIGSTOP');
  try {
    await faults.release();
    await sleep(seconds * 1000);
  } finally {
    process.kill(server, 'SIGCONT');
  }
  return await outcomeOf(runId);
}

/**
 * Every artifact of the installation loses half of its content before the first update, and is gone before the last
 * evaluation.
 */
export async function artifactsLost(
  { home, faults }: Scene,
  runId: string,
  changes: readonly string[] = [],
): Promise<Outcome> {
  const store = path.join(home, 'artifacts');
  await faults.arm({ activity: 'updatePolicy', point: 'start' });
  await startSmoke(runId, changes);
  await faults.reached(NEVER);
  for (const file of artifactFiles(store)) await truncate(file, Math.floor((await stat(file)).size / 2));
  await faults.arm({ activity: 'evaluatePolicy', point: 'start' });
  await faults.release();
  await faults.reached(NEVER);
  for (const file of artifactFiles(store)) await rm(file);
  await faults.release();
  return await outcomeOf(runId);
}

function artifactFiles(store: string): string[] {
  return readdirSync(store, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{64}$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/**
 * The disk of the store is full from the update on until an activity has failed for it. `store` must be on a separate
 * small disk.
 */
export async function diskFull(
  { faults }: Scene,
  runId: string,
  store: string,
  changes: readonly string[] = [],
): Promise<Outcome> {
  await faults.arm({ activity: 'updatePolicy', point: 'start' });
  await startSmoke(runId, changes);
  await faults.reached(NEVER);
  const filler = path.join(store, 'filler');
  await fillDisk(filler);
  await faults.release();
  await activityFails(`${runId}/iteration-0`, /No space is left to write/);
  await rm(filler);
  return await outcomeOf(runId);
}

async function fillDisk(filler: string): Promise<void> {
  const file = await open(filler, 'w');
  const block = Buffer.alloc(1 << 16);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

/** Waits until the last attempt of a pending activity failed with this message. */
async function activityFails(workflowId: string, message: RegExp): Promise<void> {
  for (;;) {
    const failures = await withClient(async (client) => {
      const { raw } = await client.workflow.getHandle(workflowId).describe();
      return (raw.pendingActivities ?? []).map(({ lastFailure }) => lastFailure?.message ?? '');
    });
    if (failures.some((failure) => message.test(failure))) return;
    await sleep(LOOK_MS);
  }
}
