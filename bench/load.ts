/**
 * Many runs at once on the embedded server, in a separate installation: all are started together, each must end, and
 * runs of one seed must end with one policy. Prints the duration, the size of the server's database, and each process's
 * memory.
 *
 * npm run bench -- load [--runs 200] [--seeds 4]
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { WORKER_ROLES } from '../cli/supervisor.ts';
import { withClient } from '../cli/temporal.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { startInstallation } from './harness/installation.ts';
import type { train } from '../workflows/train.ts';
import { cpuSeconds, residentMebibytes } from './load/process-usage.ts';

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '200' }, seeds: { type: 'string', default: '4' } },
});
const [runs, seeds] = [Number(options.runs), Number(options.seeds)];

/** The smallest possible run: one iteration of eight steps. */
const SMALL = [
  'rollout.envStepsPerIteration=8',
  'envSteps=8',
  'rollout.episodesPerWave=4',
  'environment.maxEpisodeSteps=4',
  'ppo.samplesPerStep=8',
  'ppo.epochs=1',
  'evaluation.episodes=0',
  'durability.resumePointSeconds=10',
];

const installation = await startInstallation();
try {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
  const policies = await withClient(async (client) => {
    const start = (index: number) =>
      startRun<typeof train>(
        client,
        'train',
        `small-${index}`,
        [readConfig(runConfigSchema, 'smoke', [...SMALL, `seed=${index % seeds}`])],
        'load',
      );
    const handles = await Promise.all(Array.from({ length: runs }, (_, index) => start(index)));
    const { count } = await client.workflowService.countWorkflowExecutions({
      namespace: 'default',
      query: "WorkflowType = 'train' AND ExecutionStatus = 'Running'",
    });
    console.log(`${runs} runs started in ${seconds()} s; ${String(count)} in flight`);
    return await Promise.all(handles.map(async (handle) => (await handle.result()).policy.sha256));
  });
  const distinct = Array.from(
    { length: seeds },
    (_, seed) => new Set(policies.filter((_policy, index) => index % seeds === seed)).size,
  );
  console.log(
    `${policies.length} of ${runs} runs done after ${seconds()} s; policies per seed: ${distinct.join(', ')}`,
  );
  for (const name of [...WORKER_ROLES, 'server']) {
    const pid = installation.supervisor.pidOf(name)!;
    console.log(
      `${name}: ${residentMebibytes(pid).toFixed(0)} MiB resident, ${cpuSeconds(pid).toFixed(0)} CPU seconds`,
    );
  }
  console.log(`temporal.db: ${(statSync(path.join(installation.home, 'temporal.db')).size / 2 ** 20).toFixed(0)} MiB`);
  if (distinct.some((count) => count !== 1)) process.exitCode = 1;
} finally {
  await installation.stop();
}
