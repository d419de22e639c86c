/** Runs in which something is killed: at exact points of activities, or at random moments. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../activities/fault-point.ts';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { type Supervisor, WORKER_ROLES } from '../../cli/supervisor.ts';
import { withClient } from '../../cli/temporal.ts';
import { type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { RandomStream } from '../../core/random/counter.ts';
import type { train } from '../../workflows/train.ts';
import type { FaultSwitch } from './fault-switch.ts';
import { type Outcome, outcomeOf, resultOf } from './outcome.ts';

/** What is killed: a worker, the server with its database, or all of them at once. */
export const VICTIMS = [...WORKER_ROLES, 'server', 'everything'] as const;
export type Victim = (typeof VICTIMS)[number];

export type Kill = { fault: Fault; victim: Victim };

/** Longest pause between two random kills. */
const LONGEST_PAUSE_MS = 5000;
const LOOK_MS = 50;

export function smokeConfig(changes: readonly string[]): RunConfig {
  return readConfig(runConfigSchema, 'smoke', [...changes]);
}

/** Starts the smoke run (with changes) under this name. */
export async function startSmoke(runId: string, changes: readonly string[] = []): Promise<void> {
  await withClient((client) => startRun<typeof train>(client, 'train', runId, [smokeConfig(changes)], 'chaos'));
}

/** Runs it undisturbed. */
export async function undisturbedOutcome(runId: string, changes: readonly string[] = []): Promise<Outcome> {
  await startSmoke(runId, changes);
  return await outcomeOf(runId);
}

/**
 * One run with a strike at each of the points, which must come in this order. `strike`: kills something while an
 * activity has stopped at the point of this index. Throws when a point is not reached before the run ends.
 */
export async function outcomeWithFaults(
  faults: FaultSwitch,
  runId: string,
  points: readonly Fault[],
  changes: readonly string[],
  strike: (index: number) => Promise<void>,
): Promise<Outcome> {
  await faults.arm(points[0]);
  await startSmoke(runId, changes);
  const ended = new AbortController();
  const end = (reason: string) => ended.abort(new Error(`run ${runId} ${reason} before all points were reached`));
  resultOf(runId).then(
    () => end('was done'),
    (error: Error) => end(`failed (${error.message})`),
  );
  for (const index of points.keys()) {
    await faults.reached(ended.signal);
    await strike(index);
    // Armed before the stopped activity is released, because the next point may follow immediately.
    const next = points.at(index + 1);
    if (next !== undefined) await faults.arm(next);
    await faults.release();
  }
  return await outcomeOf(runId);
}

/** One run with these kills, in this order. `settled`: awaited before each kill. */
export async function outcomeWithKills(
  supervisor: Supervisor,
  faults: FaultSwitch,
  runId: string,
  kills: readonly Kill[],
  changes: readonly string[] = [],
  settled: () => Promise<void> | undefined = async () => {},
): Promise<Outcome> {
  const points = kills.map(({ fault }) => fault);
  return await outcomeWithFaults(faults, runId, points, changes, async (index) => {
    await settled();
    await kill(supervisor, kills[index].victim);
  });
}

/** Kills at random moments, random victims, in successive runs until there were enough. */
export async function* killAtRandom(
  supervisor: Supervisor,
  { kills, seed, changes }: { kills: number; seed: number; changes: readonly string[] },
): AsyncGenerator<{ runId: string; victims: Victim[]; outcome: Promise<Outcome> }> {
  const random = new RandomStream({ seed, purpose: 'chaos' });
  let left = kills;
  for (let run = 0; left > 0; run++) {
    const runId = `random-${seed}-${run}`;
    const victims: Victim[] = [];
    await startSmoke(runId, changes);
    let running = true;
    const outcome = outcomeOf(runId).finally(() => (running = false));
    outcome.catch(() => {}); // the caller awaits it
    for (;;) {
      await Promise.race([sleep(random.uniform() * LONGEST_PAUSE_MS), outcome.catch(() => {})]);
      if (!running || left === 0) break;
      const victim = random.pick(VICTIMS);
      await kill(supervisor, victim);
      victims.push(victim);
      left--;
    }
    yield { runId, victims, outcome };
  }
}

/** Sends SIGKILL and waits until the processes are gone; the supervisor restarts them. */
export async function kill(supervisor: Supervisor, victim: Victim): Promise<void> {
  const names = victim === 'everything' ? [...WORKER_ROLES, 'server'] : [victim];
  await killAll(await Promise.all(names.map((name) => runningPid(supervisor, name))));
}

/** The same for processes. */
export async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  for (const pid of pids) while (isAlive(pid)) await sleep(LOOK_MS);
}

/** Waits for a process that is being restarted. */
export async function runningPid(supervisor: Supervisor, name: string): Promise<number> {
  for (;;) {
    const pid = supervisor.pidOf(name);
    if (pid !== undefined && isAlive(pid)) return pid;
    await sleep(LOOK_MS);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
