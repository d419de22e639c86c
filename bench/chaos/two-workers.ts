/** Two GPU workers share a run, and are killed at every point of its activities. */
import { FAULT_POINTS, type Fault, type FaultPoint } from '../../activities/fault-point.ts';
import { Supervisor, workerProcesses } from '../../cli/supervisor.ts';
import type { FaultSwitch } from './fault-switch.ts';
import { startInstallation } from '../harness/installation.ts';
import { killAll, outcomeWithFaults, runningPid, undisturbedOutcome } from './kills.ts';
import { differences, type Outcome } from './outcome.ts';

/** Both halves of an iteration and evaluations are spread; the next iteration is sampled ahead. */
export const SPREAD = ['parallel.waves=2', 'parallel.gradients=2', 'rollout.ahead=1', 'ppo.samplesPerStep=8'];

/** The worker at the point; both; the one at the point, without a restart. */
export const WORKER_VICTIMS = ['one', 'both', 'one for good'] as const;
export type WorkerVictim = (typeof WORKER_VICTIMS)[number];

/** Activities of GPU workers in the order in which they first occur, and the durable write that is their middle. */
const WRITES = { prepareRun: 1, playEvaluationShare: 1, rolloutWave: 2, computeGradients: 1, applyGradients: 2 };
const REMOVES = new Set(['rolloutWave', 'computeGradients']);
const REMOVAL_POINTS = new Set<FaultPoint>(['removing', 'aside', 'removed']);

/** A run in which the same victim dies at the same point of every activity; for good only in the update. */
export type WorkerRow = { point: FaultPoint; victim: WorkerVictim; faults: Fault[] };

export function workerMatrix(): WorkerRow[] {
  const at = (point: FaultPoint, victim: WorkerVictim) =>
    Object.entries(WRITES)
      .filter(([activity]) => victim !== 'one for good' || activity === 'computeGradients')
      .filter(([activity]) => !REMOVAL_POINTS.has(point) || REMOVES.has(activity))
      .map(([activity, writes]): Fault => ({ activity, point, ...(point === 'written' ? { writes } : {}) }));
  return FAULT_POINTS.flatMap((point) =>
    WORKER_VICTIMS.map((victim) => ({ point, victim, faults: at(point, victim) })),
  );
}

/** The two workers, each under its own supervisor that restarts it when it dies. */
export class WorkerPair {
  readonly #home: string;
  readonly #machines: [Supervisor | null, Supervisor | null] = [null, null];

  constructor(home: string) {
    this.#home = home;
  }

  /** Starts the missing ones. */
  async start(): Promise<void> {
    for (const [index, worker] of workerProcesses('gpu,gpu').entries()) {
      if (this.#machines[index] !== null) continue;
      const machine = (this.#machines[index] = new Supervisor(this.#home, () => {}));
      await machine.startWorker(worker);
    }
  }

  async kill(victim: WorkerVictim, standing: number): Promise<void> {
    const names = workerProcesses('gpu,gpu').map(({ name }) => name);
    const pids = await Promise.all(this.#machines.map((machine, index) => runningPid(machine!, names[index])));
    await killAll(victim === 'both' ? pids : [standing]);
    if (victim !== 'one for good') return;
    const index = pids.indexOf(standing);
    await this.#machines[index]!.stop();
    this.#machines[index] = null;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine?.stop()));
  }
}

/** One run with a kill at each of the row's points, which must come in this order. */
export async function outcomeWithWorkersKilled(
  pair: WorkerPair,
  faults: FaultSwitch,
  runId: string,
  row: Pick<WorkerRow, 'victim' | 'faults'>,
  changes: readonly string[],
): Promise<Outcome> {
  await pair.start();
  return await outcomeWithFaults(faults, runId, row.faults, changes, async () =>
    pair.kill(row.victim, await faults.standing()),
  );
}

/** Every row, or those of a victim or a point, compared with the undisturbed run, on a separate installation. */
export async function* killWorkers(
  faults: FaultSwitch,
  changes: readonly string[],
  { victim: onlyVictim, point: onlyPoint }: { victim?: string; point?: string },
): AsyncGenerator<{ name: string; found: string[] }> {
  const settings = [...SPREAD, ...changes];
  const installation = await startInstallation({ roles: ['orchestrator', 'corrector'] });
  const pair = new WorkerPair(installation.home);
  try {
    await pair.start();
    const undisturbed = await undisturbedOutcome('two-workers', settings);
    for (const { point, victim, faults: points } of workerMatrix()) {
      if ((onlyVictim ?? victim) !== victim || (onlyPoint ?? point) !== point) continue;
      const started = performance.now();
      const runId = `two-workers-${point}-${victim.replaceAll(' ', '-')}`;
      const found = await outcomeWithWorkersKilled(pair, faults, runId, { victim, faults: points }, settings).then(
        (outcome) => differences(undisturbed, outcome),
        (error: Error) => [error.message],
      );
      await faults.disarm();
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      yield {
        name: `two workers, ${point.padEnd(8)} ${victim.padEnd(12)} ${points.length} kills, ${seconds} s`,
        found,
      };
    }
  } finally {
    await pair.stop();
    await installation.stop();
  }
}
