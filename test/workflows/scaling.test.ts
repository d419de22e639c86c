/** One run on several GPU workers: the same bytes with any number of them, whatever dies. */
import test from 'ava';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { readConfig } from '../../cli/config-file.ts';
import { gpuWorkers } from '../../cli/gpu-workers.ts';
import { startRun } from '../../cli/start-run.ts';
import { Supervisor, type WorkerProcess, workerProcesses } from '../../cli/supervisor.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { readRunRecords } from '../../core/records/run-records.ts';
import { activityDependencies } from '../../workers/installation.ts';
import { gtr } from '../cli/gtr.ts';
import type { train } from '../../workflows/train.ts';

let installation: Installation;
/** Of the first GPU worker, and of a second one. */
let first: Supervisor;
let others: Supervisor | undefined;

test.before(async () => {
  installation = await startInstallation({ roles: ['orchestrator', 'corrector'] });
  first = new Supervisor(installation.home, () => {});
  await first.startWorker('gpu');
});
test.after.always(async () => {
  await Promise.all([first?.stop(), others?.stop()]);
  await installation?.stop();
});

/** One iteration of two waves or more and six optimizer steps, each of three groups. */
const SPREAD = [
  'envSteps=32',
  'rollout.envStepsPerIteration=32',
  'rollout.episodesPerWave=8',
  'ppo.epochs=1',
  'ppo.samplesPerStep=6',
  'engine.rowsPerShard=2',
  'evaluation.episodes=6',
  'parallel.waves=2',
  'parallel.gradients=3',
];

/** Three iterations, of which each is sampled while the one before updates; gradients are exchanged in float16. */
const AHEAD = [...SPREAD, 'envSteps=96', 'rollout.ahead=1', 'parallel.exchange=float16', 'evaluation.episodes=0'];

async function run(id: string, changes: string[], during: () => Promise<void> = async () => {}): Promise<unknown> {
  const config = readConfig(runConfigSchema, 'smoke', changes);
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

let second: WorkerProcess;

test.serial('one worker, two, and two of which one dies in an update end with the same bytes', async (t) => {
  const alone = await run('alone', SPREAD);
  aheadAlone = await run('ahead-alone', AHEAD);
  [, second] = workerProcesses('gpu,gpu');
  others = new Supervisor(installation.home, () => {});
  await others.startWorker(second);
  t.deepEqual(await run('together', SPREAD), alone);
  const withKill = await run('killed', SPREAD, async () => {
    await scheduled('killed', 'computeGradients');
    process.kill(others!.pidOf(second.name)!, 'SIGKILL');
  });
  t.deepEqual(withKill, alone);
});

let aheadAlone: unknown;

test.serial('samples made while the iteration before updates do not depend on workers, kills or a fork', async (t) => {
  const { iterations } = await readRunRecords(activityDependencies().store, 'ahead-alone');
  t.deepEqual(
    iterations.map(({ ahead }) => ahead?.sampledBy),
    [iterations[0].from, iterations[1].from, undefined],
  );
  const together = await run('ahead-together', [...AHEAD, 'checkpoints.keepLast=1'], async () => {
    await scheduled('ahead-together', 'applyGradients');
    process.kill(others!.pidOf(second.name)!, 'SIGKILL');
  });
  t.deepEqual(together, aheadAlone);
  const { code, err } = await gtr(['fork', 'ahead-alone', '--at', '2', '--id', 'ahead-fork']);
  t.is(code, 0, err);
  const fork = await withClient((client) => client.workflow.getHandle<typeof train>('ahead-fork').result());
  t.is(fork.policy.sha256, iterations[2].policy.sha256);
  await others!.stop();
});

test.serial('workers come and go in mid-run: a second joins, the first leaves for good', async (t) => {
  const machine = new Supervisor(installation.home, () => {});
  const [, joining] = workerProcesses('gpu,gpu');
  const counted: number[] = [];
  const elastic = await run('elastic', AHEAD, async () => {
    await withClient(async (client) => {
      const count = async (there: number) => {
        while ((await gpuWorkers(client, ['elastic', 'elastic/iteration-0'])).there !== there);
        counted.push(there);
      };
      await scheduled('elastic', 'rolloutWave');
      await count(1);
      await machine.startWorker(joining);
      await count(2);
      await first.stop();
    });
  });
  await machine.stop();
  t.deepEqual(elastic, aheadAlone);
  t.deepEqual(counted, [1, 2]);
});
