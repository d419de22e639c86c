/** `gtr verify` and `gtr gc` on the artifacts of real small runs, one of them open. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { readRunRecords } from '../../core/records/run-records.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
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

const start = (id: string, changes: string[]) =>
  withClient((client) =>
    startRun<typeof train>(
      client,
      'train',
      id,
      [readConfig(runConfigSchema, 'smoke', ['evaluation.episodes=0', ...changes])],
      'test',
    ),
  );
const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());
const count = async () => (await Array.fromAsync(store.list())).length;

test.serial('a paused run loses nothing to gc without a safety margin, and ends with the same policy', async (t) => {
  await start('undisturbed', []);
  const undisturbed = await result('undisturbed');
  await start('open', []);
  await withClient(async (client) => {
    await activityRuns(client, 'open/iteration-1', 'updatePolicy');
    const iteration = client.workflow.getHandle('open/iteration-1');
    await client.workflow.getHandle('open').signal('pause');
    // the running epoch ends
    for (let idle = false; !idle;) idle = (await iteration.describe()).raw.pendingActivities?.length === 0;
  });
  const shown = await gtr(['gc', '--older-than', '0m']);
  t.is(shown.code, 0, shown.err);
  const [, garbage] = /^not reached +(\d+)/m.exec(shown.out)!;
  t.true(Number(garbage) > 0); // resume points that newer ones replaced
  t.regex(shown.out, /Nothing was deleted; run it again with --delete\./);
  t.regex((await gtr(['gc'])).out, /^not reached +0 .*/m); // all is younger than an hour
  const before = await count();
  t.regex((await gtr(['gc', '--older-than', '0m', '--delete'])).out, new RegExp(`Deleted ${garbage}\\.`));
  t.is(await count(), before - Number(garbage));
  t.regex((await gtr(['verify', 'undisturbed'])).out, /^undisturbed: \d+ artifacts, .*: all intact/m);
  t.regex((await gtr(['verify', 'open'])).out, /^open: \d+ artifacts, .*: all intact/m);

  const dropped = await gtr(['gc', '--drop', 'open', '--delete']);
  t.deepEqual(
    [dropped.code, dropped.err],
    [2, 'gtr: --drop open: the run is open; stop it first, or wait for its end.'],
  );
  await withClient((client) => client.workflow.getHandle('open').signal('resume'));
  t.is((await result('open')).policy.sha256, undisturbed.policy.sha256);
});

test.serial('verify names what is damaged or missing and who refers to it; gc then deletes nothing', async (t) => {
  await start('damaged', ['envSteps=64', 'seed=2']);
  const { policy, optimizer } = await result('damaged');
  const file = ({ sha256 }: { sha256: string }) => path.join(store.location, sha256.slice(0, 2), sha256);
  await writeFile(file(policy), 'damaged');
  await rm(file(optimizer));
  const verified = await gtr(['verify', 'damaged']);
  t.is(verified.code, 1);
  t.regex(
    verified.out,
    new RegExp(
      `^FAILED Artifact policy ${policy.sha256} in .* is damaged; delete .* and restore it from a backup \\(named ` +
        `by .*damaged.*\\)$`,
      'm',
    ),
  );
  t.regex(verified.out, new RegExp(`^FAILED Artifact optimizer ${optimizer.sha256} is missing in `, 'm'));
  t.regex(verified.out, /: 2 missing or damaged$/m);
  const refused = await gtr(['gc', '--older-than', '0m', '--delete']);
  t.is(refused.code, 2);
  t.regex(refused.err, /Nothing was deleted: 2 artifacts of kept runs are missing or damaged/);
  const unknown = await gtr(['verify', 'nobody']);
  t.deepEqual(
    [unknown.code, unknown.err],
    [
      2,
      `gtr: There is no run "nobody" in ${store.location}, and none on a Temporal server that answers; ` +
        '`./gtr runs` lists the runs.',
    ],
  );
});

test.serial('a dropped run is gone with what only it reached; the others stay whole', async (t) => {
  const { code, out, err } = await gtr(['gc', '--drop', 'damaged', '--older-than', '0m', '--delete']);
  t.is(code, 0, err);
  t.regex(out, /Deleted \d+\./);
  t.deepEqual((await readRunRecords(store, 'damaged')).iterations, []);
  t.regex((await gtr(['verify', 'undisturbed'])).out, /all intact/);
  t.regex((await gtr(['gc', '--older-than', '0m'])).out, /^not reached +0 /m);
});
