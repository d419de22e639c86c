/**
 * Machines that share only Temporal and an S3 server: a GPU worker has one home, orchestrator and corrector another.
 * Their run ends as one on one machine does; so does a run whose steps a second GPU machine shares.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { Supervisor, type WorkerRole } from '../../cli/supervisor.ts';
import { withClient } from '../../cli/temporal.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { train } from '../../workflows/train.ts';
import { BUCKET, CREDENTIALS, type S3Server, startS3Server } from '../artifacts/s3-server.ts';
import { type Installation, startInstallation } from '../../bench/harness/installation.ts';

let one: Installation;
let s3: S3Server;
const machines: Supervisor[] = [];
const homes: string[] = [];
test.before(async () => {
  [one, s3] = await Promise.all([startInstallation(), startS3Server()]);
});
test.after.always(async () => {
  await Promise.all(machines.map((machine) => machine.stop()));
  await one?.stop();
  await s3?.stop();
  await Promise.all(homes.map((home) => rm(home, { recursive: true, force: true })));
});

/** Workers of these roles on a machine of their own. */
async function startMachine(...roles: WorkerRole[]): Promise<string> {
  const home = await mkdtemp(path.join(tmpdir(), 'gtr-machine-'));
  const env = {
    GTR_HOME: home,
    GTR_TASK_QUEUE: 'apart',
    GTR_STORE: `s3://${BUCKET}/runs`,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION: 'us-east-1',
    ...CREDENTIALS,
  };
  const machine = new Supervisor(home, () => {}, { env });
  machines.push(machine);
  homes.push(home);
  await Promise.all(roles.map((role) => machine.startWorker(role)));
  return home;
}

/** One iteration and an evaluation. */
const CHANGES = [
  'envSteps=32',
  'rollout.envStepsPerIteration=32',
  'rollout.episodesPerWave=16',
  'evaluation.episodes=8',
];
async function run(id: string, taskQueue: string, changes: readonly string[] = []) {
  process.env.GTR_TASK_QUEUE = taskQueue;
  return await withClient(async (client) =>
    (
      await startRun<typeof train>(
        client,
        'train',
        id,
        [readConfig(runConfigSchema, 'smoke', [...CHANGES, ...changes])],
        'test',
      )
    ).result(),
  );
}

test('a run on two machines has the bytes of a run on one', async (t) => {
  const [gpuHome, otherHome] = await Promise.all([startMachine('gpu'), startMachine('orchestrator', 'corrector')]);
  const apart = await run('apart', 'apart');
  const together = await run('together', 'gtr');
  t.deepEqual(
    [apart.policy, apart.optimizer, apart.corrections, apart.evaluation],
    [together.policy, together.optimizer, together.corrections, together.evaluation],
  );
  for (const home of [gpuHome, otherHome])
    t.false((await readdir(home)).includes('artifacts'), 'artifacts went to S3, not to a disk');

  const spread = ['parallel.waves=2', 'parallel.gradients=2', 'ppo.samplesPerStep=4'];
  const thirdHome = await startMachine('gpu');
  const shared = await run('shared', 'apart', spread);
  const alone = await run('alone', 'gtr', spread);
  t.deepEqual(
    [shared.policy, shared.optimizer, shared.corrections, shared.evaluation],
    [alone.policy, alone.optimizer, alone.corrections, alone.evaluation],
  );
  t.false((await readdir(thirdHome)).includes('artifacts'));
});
