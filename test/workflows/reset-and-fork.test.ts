/**
 * A run continues from an earlier iteration: in place by Temporal's reset, and as a fork. Real parts: the policies'
 * bytes are compared.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { readRunRecords } from '../../core/records/run-records.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { troubleOf } from '../../cli/trouble.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { temporalCliPath } from '../../scripts/temporal-cli.ts';
import type { train } from '../../workflows/train.ts';
import { gtr } from '../cli/gtr.ts';
import { activityRuns, type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';

let installation: Installation;
let store: FileStore;
test.before(async () => {
  installation = await startInstallation();
  store = new FileStore(path.join(installation.home, 'artifacts'));
});
test.after.always(() => installation?.stop());

/** Two iterations as small as they get. */
const SMALL = [
  'envSteps=32',
  'rollout.envStepsPerIteration=16',
  'rollout.episodesPerWave=8',
  'ppo.epochs=1',
  'ppo.samplesPerStep=4',
  'evaluation.episodes=0',
];
const start = (id: string) =>
  withClient((client) =>
    startRun<typeof train>(client, 'train', id, [readConfig(runConfigSchema, 'smoke', SMALL)], 'test'),
  );
const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());

test.serial('a run that is reset in the middle of an iteration ends as its fork from there does', async (t) => {
  await start('first');
  await withClient((client) => activityRuns(client, 'first/iteration-1', 'rolloutWave'));
  t.deepEqual(await gtr(['reset', 'first', '--to', '1']), {
    code: 0,
    out: 'first: continues after 1 iterations.\n',
    err: '',
  });
  const reset = await result('first');
  t.deepEqual([reset.status, reset.iterations, reset.envSteps], ['done', 2, 32]);

  const { code, err } = await gtr(['fork', 'first', '--at', '1', '--id', 'second']);
  t.is(code, 0, err);
  const forked = await result('second');
  t.deepEqual(
    [forked.policy, forked.optimizer, forked.corrections, forked.envSteps],
    [reset.policy, reset.optimizer, reset.corrections, 32],
  );
  const [of, copy] = [await readRunRecords(store, 'first'), await readRunRecords(store, 'second')];
  t.deepEqual(copy.iterations[0], of.iterations[0]);
  t.is(copy.iterations[1].policy.sha256, of.iterations[1].policy.sha256);
});

test.serial('a closed run that is reset drops later iterations, and repeats them with other settings', async (t) => {
  const before = await readRunRecords(store, 'second');
  t.is((await gtr(['reset', 'second', '--to', '1'])).code, 0);
  // By the update itself, because the run may be over before another process has started. It acts from the next
  // iteration on: the second has begun.
  await withClient((client) =>
    client.workflow.getHandle('second').executeUpdate('set', { args: [{ 'optimizer.lr': 0.004, envSteps: 48 }] }),
  );
  t.deepEqual((await readRunRecords(store, 'second')).iterations, before.iterations.slice(0, 1));
  t.is((await result('second')).iterations, 3);
  const after = await readRunRecords(store, 'second');
  t.deepEqual(
    after.iterations.map(({ config }) => config.optimizer.lr),
    [0.0005, 0.0005, 0.004],
  );
  t.deepEqual(after.iterations[1].policy, before.iterations[1].policy);
});

test.serial(
  'a reset to after the start of an iteration that ended unheard is told, and mended by another one',
  async (t) => {
    const undisturbed = await result('first');
    await start('terminated');
    await withClient(async (client) => {
      await activityRuns(client, 'terminated/iteration-0', 'rolloutWave');
      const handle = client.workflow.getHandle('terminated');
      await handle.terminate('test');
      while ((await client.workflow.getHandle('terminated/iteration-0').describe()).status.name === 'RUNNING');
      const { events } = await handle.fetchHistory();
      await client.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: 'terminated' },
        workflowTaskFinishEventId: events!.findLast((event) => event.workflowTaskCompletedEventAttributes)!.eventId,
        requestId: 'after the start',
      });
      let trouble = null;
      while ((trouble ??= await troubleOf(client, 'terminated')) === null) await sleep(500);
      t.regex(trouble, /^terminated\/iteration-0 ended while the run was closed.*`\.\/gtr reset terminated --to 0`/);
    });
    t.is((await gtr(['reset', 'terminated', '--to', '0'])).code, 0);
    t.deepEqual((await result('terminated')).policy, undisturbed.policy);
    await withClient(async (client) => t.is(await troubleOf(client, 'terminated'), null));
  },
);

test.serial('runs are found by their search attributes', async (t) => {
  const list = async (query: string) => {
    const { stdout } = await promisify(execFile)(temporalCliPath(), [
      'workflow',
      'list',
      '--query',
      query,
      '--output',
      'json',
      '--address',
      process.env.TEMPORAL_ADDRESS!,
    ]);
    return (JSON.parse(stdout) as { execution: { workflowId: string } }[]).map(({ execution }) => execution.workflowId);
  };
  t.deepEqual(
    await list(
      'GtrEnvironment = "points24" AND GtrModel = "points24-tiny" AND GtrAlgorithm = "gtr" AND GtrStatus = "done" ' +
        'AND GtrEnvSteps = 48',
    ),
    ['second'],
  );
  t.deepEqual(await list('GtrSuccess > 1'), []);
});

test.serial('what cannot be reset or forked is refused in one sentence', async (t) => {
  const refused = async (...args: string[]) => {
    const { code, err } = await gtr(args);
    t.is(code, 2);
    return err;
  };
  t.is(
    await refused('reset', 'second', '--to', '7'),
    'gtr: --to 7: second can go back to 1 to 2, the iterations that it began itself.',
  );
  t.is(
    await refused('fork', 'first', '--at', '3', '--id', 'third'),
    'gtr: --at 3: first has 2 whole iterations; give 1 to 2.',
  );
  t.is(
    await refused('fork', 'first', '--at', '1', '--id', 'second'),
    'gtr: The run id "second" is in use; choose another --id.',
  );
  t.regex(
    await refused('fork', 'first', '--at', '1', '--id', 'third', '--set', 'model.base=models/ezpoints-tiny'),
    /^gtr: --set model\.base: cannot change in a fork, because the policy of first depends on it; /,
  );
  t.regex(
    await refused('fork', 'nobody', '--at', '1', '--id', 'third'),
    /^gtr: There is no run "nobody" in .*, and none on this server/,
  );
});
