/**
 * Memory of every process over many iterations of one run, on a separate installation: a table with a line per
 * iteration, then the slope of the second half.
 *
 * npm run bench -- soak [--iterations 50] [--steps 32]
 */
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { WORKER_ROLES } from '../cli/supervisor.ts';
import { withClient } from '../cli/temporal.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { startInstallation } from './harness/installation.ts';
import type { Progress } from '../workflows/run-contract.ts';
import type { train } from '../workflows/train.ts';
import { residentMebibytes } from './load/process-usage.ts';

const { values: options } = parseArgs({
  options: { iterations: { type: 'string', default: '50' }, steps: { type: 'string', default: '32' } },
});
const [iterations, steps] = [Number(options.iterations), Number(options.steps)];
const LOOK_MS = 500;

const installation = await startInstallation();
try {
  const names = [...WORKER_ROLES, 'server'];
  const config = readConfig(runConfigSchema, 'smoke', [
    `rollout.envStepsPerIteration=${steps}`,
    `envSteps=${steps * iterations}`,
    'rollout.episodesPerWave=16',
    'evaluation.episodes=0',
    'durability.resumePointSeconds=10',
  ]);
  const curve: number[][] = [];
  console.log(`iteration | ${names.join(' | ')} (MiB resident)`);
  await withClient(async (client) => {
    const handle = await startRun<typeof train>(client, 'train', 'soak', [config], 'soak');
    const ended = handle.result().then(() => true);
    for (let seen = 0; seen < iterations;) {
      const done = (await Promise.race([ended, sleep(LOOK_MS, false)]))
        ? iterations
        : (await handle.query<Progress>('progress')).iteration;
      if (done === seen) continue;
      seen = done;
      curve.push([seen, ...names.map((name) => residentMebibytes(installation.supervisor.pidOf(name)!))]);
      console.log(
        curve
          .at(-1)!
          .map((value) => value.toFixed(0))
          .join(' | '),
      );
    }
  });
  const half = curve.slice(Math.floor(curve.length / 2));
  for (const [index, name] of names.entries())
    console.log(
      `${name}: ${slope(half.map((row) => [row[0], row[index + 1]])).toFixed(2)} MiB an iteration over the second half`,
    );
} finally {
  await installation.stop();
}

/** The slope of the best-fit line. */
function slope(points: readonly (readonly number[])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point[0])), mean(points.map((point) => point[1]))];
  return (
    points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) /
    points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  );
}
