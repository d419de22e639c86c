/** A run's results can be read without a server: real parts, whose server then ends. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { train as trainWorkflow } from '../../workflows/train.ts';
import { type Installation, SMALLEST, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { gtr } from '../cli/gtr.ts';

let installation: Installation;
test.before(async () => {
  installation = await startInstallation();
});
test.after.always(() => installation?.stop());

type Result = {
  status: string;
  source: string;
  failure: string | null;
  iterations: number;
  policy: { sha256: string | null };
};
const done = async (...args: string[]) => {
  const { code, out, err } = await gtr(args);
  if (code !== 0) throw new Error(`gtr ${args.join(' ')}: ${err}`);
  return out;
};
const result = async (run: string) => JSON.parse(await done('result', run, '--json')) as Result;
const train = (id: string, ...more: string[]) => done('train', '--config', 'smoke', '--id', id, ...SMALLEST, ...more);

test.serial('every read of a run while it ends has its policy with `done`', async (t) => {
  await train('whole');
  for (let known = await result('whole'); ; known = await result('whole')) {
    t.true(known.status === 'running' || known.status === 'done', known.status);
    t.is(known.policy.sha256 === null, known.status === 'running');
    if (known.status === 'done') break;
  }
});

test.serial('verbs that need no server give the same result without one', async (t) => {
  // The command line would not start it.
  const config = readConfig(runConfigSchema, 'smoke', ['environment.options.deals=none']);
  await withClient((client) => startRun<typeof trainWorkflow>(client, 'train', 'broken', [config], 'broken'));
  while ((await result('broken')).status === 'running');
  await train('open', '--set', 'envSteps=1600');
  while ((await result('open')).iterations === 0);
  await done('pause', 'open');
  const runs = ['whole', 'broken'];
  const before = await Promise.all(runs.map(result));
  t.deepEqual(
    before.map(({ status }) => status),
    ['done', 'failed'],
  );
  await installation.supervisor.stop();

  for (const [index, run] of runs.entries())
    t.deepEqual(await result(run), { ...before[index], source: 'records' }, run);
  t.is((await result('open')).status, 'running');
  const listed = JSON.parse(await done('runs', '--json')) as { run: string; status: string; bytes: number }[];
  t.deepEqual(
    listed.map(({ run, status, bytes }) => [run, status, bytes > 0]),
    [
      ['whole', 'done', true],
      ['broken', 'failed', false],
      ['open', 'running', true],
    ],
  );
  t.regex(await done('result', 'open'), /^open: running after \d+ iterations when last seen/);
  t.regex(await done('result', 'whole'), /^done after 1 iterations, 16 environment steps, policy [0-9a-f]{12}\n/);

  const out = mkdtempSync(path.join(tmpdir(), 'gtr-export-'));
  t.regex(await done('report', 'whole'), /report\.html\n$/);
  await done('export', 'whole', '--out', out);
  t.true(readdirSync(out).includes('merged'));
  t.regex(await done('corrections', 'whole'), /judged thoughts\n$/);
  t.regex(await done('verify', 'whole'), /whole: \d+ artifacts, .*: all intact\n$/);
  const evaluated = JSON.parse(await done('evaluate', '--policy', 'whole', '--episodes', '8', '--json')) as {
    episodes: number;
    policy: { sha256: string };
  };
  t.deepEqual([evaluated.episodes, evaluated.policy.sha256], [8, before[0].policy.sha256]);

  const { code, err } = await gtr(['result', 'nothing']);
  t.is(code, 2);
  t.regex(err, /^gtr: There is no run "nothing" in .*artifacts, and no Temporal server answers at 127\.0\.0\.1:\d+\.$/);
});
