/** The same run by one GPU worker and by two, of one core each, alternating. */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { Supervisor, workerProcesses } from '../../cli/supervisor.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { train } from '../../workflows/train.ts';
import { startInstallation, withClient } from '../harness/installation.ts';
import { cpuSeconds } from './cpu-seconds.ts';
import { activitySpans, median, type Parts, partsOf } from './spans.ts';

/**
 * `cpu`: average CPU seconds of an iteration over all runs, of the GPU workers and of the other processes (server,
 * orchestrator, corrector); null if the system does not report it.
 */
export type Measured = { workers: number; parts: Parts; policy: string; cpu: Record<'gpu' | 'others', number | null> };

/** A run: a configuration with changes; two waves at once and two groups of gradients. */
export type MeasuredRun = { config: string; changes: readonly string[]; iterations: number };

const SPREAD = [
  'parallel.waves=2',
  'parallel.gradients=2',
  'engine.lanes=1',
  'engine.threads=1',
  'evaluation.episodes=0',
];

/** Medians over all repeats' iterations after the first, by one worker and by two. */
export async function measure(
  { config, changes, iterations }: MeasuredRun,
  repeats: number,
  say: (line: string) => void,
): Promise<[one: Measured, two: Measured]> {
  const parsed = readConfig(runConfigSchema, config, [...SPREAD, ...changes]);
  const settings = { ...parsed, envSteps: iterations * parsed.rollout.envStepsPerIteration };
  const installation = await startInstallation({ roles: ['orchestrator', 'corrector'] });
  const others = ['server', 'orchestrator', 'corrector'].map((name) => installation.supervisor.pidOf(name)!);
  const runs = new Map<number, { parts: Parts[]; policies: Set<string>; gpu: number[]; others: number[] }>();
  try {
    for (let repeat = 0; repeat < repeats; repeat++)
      for (const workers of [1, 2]) {
        const machine = new Supervisor(installation.home, () => {});
        const processes = workerProcesses(new Array<string>(workers).fill('gpu').join());
        await Promise.all(processes.map((process) => machine.startWorker(process)));
        for (const [core, { name }] of processes.entries()) pin(machine.pidOf(name)!, core);
        const run = runs.get(workers) ?? { parts: [], policies: new Set(), gpu: [], others: [] };
        const { parts, policies } = run;
        const gpu = processes.map(({ name }) => machine.pidOf(name)!);
        const before = [gpu, others].map(cpuSeconds);
        const id = `scale-${workers}-${repeat}`;
        await withClient(async (client) => {
          const { policy } = await (await startRun<typeof train>(client, 'train', id, [settings], 'scale')).result();
          policies.add(policy.sha256);
          for (let iteration = 1; iteration < iterations; iteration++)
            parts.push(
              partsOf(await activitySpans(client, `${id}/iteration-${iteration}`), settings.parallel.gradients),
            );
        });
        for (const [index, [pids, spent]] of (
          [
            [gpu, run.gpu],
            [others, run.others],
          ] as const
        ).entries())
          spent.push(((cpuSeconds(pids) ?? NaN) - (before[index] ?? NaN)) / iterations);
        await machine.stop();
        runs.set(workers, run);
        const { rollout, update, iteration } = parts.at(-1)!;
        say(
          `${workers} worker${workers === 1 ? '' : 's'}, repeat ${repeat + 1}: rollout ${rollout.toFixed(2)} ` +
            `s, update ${update.toFixed(2)} s, iteration ${iteration.toFixed(2)} s; load ` +
            `${os.loadavg()[0].toFixed(1)}`,
        );
      }
  } finally {
    await installation.stop();
  }
  const [one, two] = [1, 2].map((workers): Measured => {
    const { parts, policies, gpu, others } = runs.get(workers)!;
    if (policies.size !== 1) throw new Error(`the repeats with ${workers} workers ended with different policies`);
    return {
      workers,
      parts: medianParts(parts),
      policy: [...policies][0],
      cpu: { gpu: mean(gpu), others: mean(others) },
    };
  });
  if (one.policy !== two.policy) throw new Error(`one worker: policy ${one.policy}; two: ${two.policy}`);
  return [one, two];
}

function mean(values: readonly number[]): number | null {
  const of = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Number.isNaN(of) ? null : of;
}

/** Pins a worker to one core, if Linux's taskset is available and the machine has enough cores. */
function pin(pid: number, core: number): void {
  if (core >= os.cpus().length) return;
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Without taskset a worker still has only one lane.
  }
}

function medianParts(all: readonly Parts[]): Parts {
  const of = (value: (parts: Parts) => number) => median(all.map(value));
  return {
    waves: of(({ waves }) => waves),
    wave: of(({ wave }) => wave),
    judge: of(({ judge }) => judge),
    rollout: of(({ rollout }) => rollout),
    update: of(({ update }) => update),
    iteration: of(({ iteration }) => iteration),
    exchange: of(({ exchange }) => exchange),
    gradients: of(({ gradients }) => gradients),
    dispatch: of(({ dispatch }) => dispatch),
  };
}
