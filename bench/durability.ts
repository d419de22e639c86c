/**
 * The cost of durability: iterations of the paper's 1,024 steps with the solver teacher on the tiny model, on a
 * separate installation, split into model, corrector and the rest by the phases that each iteration records; also the
 * CPU time of each process. An iteration's time ends where the next begins.
 *
 * npm run bench -- durability [--iterations 5] [--steps 1024] [--set a.b=c ...]
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readMetrics } from '../core/records/run-records.ts';
import { runFolder } from '../core/records/run-records.ts';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { WORKER_ROLES } from '../cli/supervisor.ts';
import { withClient } from '../cli/temporal.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { startInstallation } from './harness/installation.ts';
import type { train } from '../workflows/train.ts';
import { cpuSeconds } from './load/process-usage.ts';

const { values: options } = parseArgs({
  options: {
    iterations: { type: 'string', default: '5' },
    steps: { type: 'string', default: '1024' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const [iterations, steps] = [Number(options.iterations), Number(options.steps)];

const installation = await startInstallation();
try {
  const pids = Object.fromEntries(
    [...WORKER_ROLES, 'server'].map((name) => [name, installation.supervisor.pidOf(name)!]),
  );
  const usage = () => ({
    ...Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)])),
    'gpu, main thread': cpuSeconds(pids.gpu, pids.gpu),
  });
  const config = readConfig(runConfigSchema, 'points24-tiny', [
    `rollout.envStepsPerIteration=${steps}`,
    `envSteps=${steps * iterations}`,
    'evaluation.episodes=0',
    ...options.set,
  ]);
  const before: Record<string, number> = usage();
  const { policy, seconds } = await withClient(async (client) => {
    const run = await startRun<typeof train>(client, 'train', 'durability', [config], 'durability');
    const { policy } = await run.result();
    const starts = await Promise.all(
      Array.from(
        { length: iterations },
        async (_, iteration) =>
          (await client.workflow.getHandle(`durability/iteration-${iteration}`).describe()).startTime,
      ),
    );
    const ends = [...starts.slice(1), (await run.describe()).closeTime!];
    return { policy, seconds: starts.map((start, iteration) => (ends[iteration].getTime() - start.getTime()) / 1000) };
  });
  const after: Record<string, number> = usage();

  const lines = await readMetrics(path.join(runFolder(installation.home, 'durability'), 'metrics.jsonl'));
  console.log(
    `Seconds of ${lines.length} iterations of ${steps} steps, each until the next one starts; the first compiles ` +
      `its graphs`,
  );
  console.log(
    'iteration | all | model | GPU worker besides | corrector, last wave | assemble | between activities | all but ' +
      'model and corrector',
  );
  const shares: number[] = [];
  for (const { iteration, metrics } of lines) {
    const time = (phase: string) => metrics[`time/${phase}`] ?? 0;
    const all = seconds[iteration];
    const besides = time('gpu') - time('model');
    const between = all - time('gpu') - time('correctLastWave') - time('assemble');
    const share = (besides + time('assemble') + between) / all;
    if (iteration > 0) shares.push(share);
    console.log(
      [
        iteration + 1,
        ...[all, time('model'), besides, time('correctLastWave'), time('assemble'), between].map((seconds) =>
          seconds.toFixed(2),
        ),
        `${(100 * share).toFixed(1)} %`,
      ].join(' | '),
    );
  }
  console.log(
    `All but model and corrector, median behind the first: ${(100 * median(shares)).toFixed(1)} % of an iteration`,
  );
  const spent = Object.entries(after).map(([name, seconds]) => [name, seconds - before[name]] as const);
  const inAll = spent.filter(([name]) => !name.includes(',')).reduce((sum, [, seconds]) => sum + seconds, 0);
  console.log(
    `Policy ${policy.sha256.slice(0, 12)}; CPU seconds: ` +
      `${spent.map(([name, seconds]) => `${name} ${seconds.toFixed(1)} (${((100 * seconds) / inAll).toFixed(1)} %)`).join(', ')}`,
  );
} finally {
  await installation.stop();
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
