/** One run on several GPU workers: the same bytes by any number of them, whatever dies. */
import test from 'ava';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { workerProcesses } from '../../cli/supervisor.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { train } from '../../workflows/train.ts';

let installation: Installation;

test.before(async () => {
  installation = await startInstallation();
});
test.after.always(() => installation?.stop());

/** One iteration of two waves and two optimizer steps, each of three groups. */
const SPREAD = [
  'envSteps=64',
  'rollout.envStepsPerIteration=64',
  'rollout.episodesPerWave=16',
  'ppo.epochs=1',
  'ppo.samplesPerStep=32',
  'engine.rowsPerShard=8',
  'evaluation.episodes=12',
  'parallel.waves=2',
  'parallel.gradients=3',
];

async function run(id: string, during: () => Promise<void> = async () => {}): Promise<unknown> {
  const config = readConfig(runConfigSchema, 'smoke', SPREAD);
  return await withClient(async (client) => {
    const handle = await startRun<typeof train>(client, 'train', id, [config], 'scaling');
    await during();
    const { policy, optimizer, evaluation } = await handle.result();
    return { policy: policy.sha256, optimizer: optimizer.sha256, evaluation };
  });
}

/** Waits until an activity of this type has been scheduled in the run's iteration. */
async function scheduled(id: string, type: string): Promise<void> {
  await withClient(async (client) => {
    for (;;) {
      const history = await client.workflow
        .getHandle(`${id}/iteration-0`)
        .fetchHistory()
        .catch(() => null);
      const types = history?.events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
      if (types?.includes(type)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
}

test('one worker, two, and two of which one dies in an update end with the same policy, optimizer and evaluations', async (t) => {
  const alone = await run('alone');
  const [, second] = workerProcesses('gpu,gpu');
  await installation.supervisor.startWorker(second);
  t.deepEqual(await run('together'), alone);
  const withKill = await run('killed', async () => {
    await scheduled('killed', 'computeGradients');
    process.kill(installation.supervisor.pidOf(second.name)!, 'SIGKILL');
  });
  t.deepEqual(withKill, alone);
});
