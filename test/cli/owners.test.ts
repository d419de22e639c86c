/** Homes, servers and workers have owners: real processes, killed, and started while others run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { SMALLEST, withClient } from '../../bench/harness/installation.ts';
import { freePort } from '../../cli/free-port.ts';
import { rememberServer, stopLeftoverServer } from '../../cli/leftover-server.ts';
import { Supervisor, WORKER_ROLES } from '../../cli/supervisor.ts';
import { serverAnswers } from '../../cli/temporal.ts';
import { gtr } from './gtr.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(PROJECT, 'cli/main.ts');
const newHome = () => mkdtempSync(path.join(tmpdir(), 'gtr-owners-'));
const home = newHome();
const other = newHome();
const started: ChildProcess[] = [];

test.before(async () => {
  process.env.GTR_HOME = home;
  process.env.TEMPORAL_ADDRESS = `127.0.0.1:${await freePort()}`;
});
test.after.always(async () => {
  for (const child of started) if (child.exitCode === null) child.kill('SIGTERM');
  await Promise.all(
    started.map((child) => child.exitCode === null && child.signalCode === null && once(child, 'exit')),
  );
  for (const folder of [home, other]) rmSync(folder, { recursive: true, force: true });
});

/** A ready `gtr up`, and its output so far. */
async function up(...args: string[]): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'up', ...args], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  let said = '';
  for await (const line of createInterface({ input: child.stdout! })) {
    said += `${line}\n`;
    if (line.startsWith('Ready')) return { child, said };
  }
  throw new Error(`gtr up ended: ${said}`);
}

/** Processes of this machine whose command line has the text. */
const processes = (text: string) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });

test.serial('a second `up` on a home names the owner', async (t) => {
  const { child } = await up('--workers', 'orchestrator');
  for (const args of [['up'], ['up', '--workers', ''], ['quickstart', '--id', 'second']]) {
    const { code, err } = await gtr(args, { env: { TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` } });
    t.is(code, 2, err);
    t.regex(err, new RegExp(`^gtr: ${home} is in use by .*\\(process ${child.pid} on \\S+, since \\S+Z, server 127`));
  }
});

test.serial('another home is told that workers of this one serve the server', async (t) => {
  for (const args of [['up'], ['up', '--no-server', '--workers', 'gpu'], ['quickstart', '--id', 'other']]) {
    const { code, err } = await gtr(args, { env: { GTR_HOME: other } });
    t.is(code, 2, err);
    t.regex(err, /process \d+ on \S+ serves the queue gtr .* in another store: give this home its own server/);
  }
  t.is(await gtr(['result', 'other']).then(({ code }) => code), 2);
});

test.serial('a worker ends by itself when it is asked to, whatever its role', async (t) => {
  for (const role of WORKER_ROLES) {
    const worker = spawn(process.execPath, [path.join(PROJECT, 'workers', `${role}.ts`)], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    started.push(worker);
    await once(worker, 'message');
    worker.kill('SIGTERM');
    const late = sleep(20_000, ['still there'], { ref: false });
    t.deepEqual(await Promise.race([once(worker, 'exit'), late]), [0, null], role);
  }
});

test.serial(
  'a worker of another store does no task of a run, which ends as if that worker did not exist',
  async (t) => {
    await gtr(['train', '--config', 'smoke', '--id', 'ours', ...SMALLEST]);
    const ours = new Supervisor(home, () => {});
    await ours.startWorker('gpu');
    await ours.startWorker('corrector');
    while (JSON.parse((await gtr(['result', 'ours', '--json'])).out).status !== 'done');
    await ours.stop();
    await gtr(['fork', 'ours', '--at', '1', '--id', 'more', '--set', 'envSteps=32']);
    started[0].kill('SIGTERM');
    await once(started[0], 'exit');

    // Only the other home's workers are there now, on this home's server.
    const server = new Supervisor(home, () => {});
    await server.startServer(process.env.TEMPORAL_ADDRESS!);
    const theirs = new Supervisor(other, () => {}, { env: { GTR_HOME: other } });
    await Promise.all((['orchestrator', 'gpu'] as const).map((role) => theirs.startWorker(role)));
    // Of an activity of the run or, as far as its orchestrator came, of its iteration.
    const failure = async () =>
      await withClient(async (client) => {
        const open = await Array.fromAsync(client.workflow.list({ query: 'ExecutionStatus = "Running"' }));
        const described = await Promise.all(
          open.map(({ workflowId }) => client.workflow.getHandle(workflowId).describe()),
        );
        return described.flatMap(({ raw }) => raw.pendingActivities ?? []).find((one) => one.lastFailure)?.lastFailure;
      });
    for (let seen = await failure(); ; seen = await failure()) {
      if (seen == null) continue;
      t.is(seen.applicationFailureInfo?.type, 'Worker.Elsewhere');
      t.regex(seen.message!, /^Worker \d+ keeps its artifacts in .*, which is not the store of run more; /);
      break;
    }
    await theirs.stop();
    const again = new Supervisor(home, () => {});
    await Promise.all((['orchestrator', 'gpu', 'corrector'] as const).map((role) => again.startWorker(role)));
    const { iterations } = await withClient((client) => client.workflow.getHandle('more').result());
    t.is(iterations, 2);
    await again.stop();
    await server.stop();
  },
);

test.serial('what a killed `up` left is replaced, and stopped at the end', async (t) => {
  const first = await up('--workers', '');
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  t.true(await serverAnswers());
  const second = await up('--workers', '');
  t.is(processes(path.join(home, 'temporal.db')).length, 1);
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');
  t.deepEqual(processes(path.join(home, 'temporal.db')), []);
  for (let tries = 0; tries < 20 && (await serverAnswers()); tries++) await sleep(100);
  t.false(await serverAnswers());
});

/** A moment of the start, by the line that tells of it. */
const MOMENTS: [command: string[], line: RegExp][] = [
  [['up', '--workers', ''], /^Starting the Temporal server/],
  [['up', '--workers', ''], /^Ready/],
  [['up', '--workers', 'corrector'], /^Starting the corrector/],
  [['quickstart'], /^Starting the Temporal server/],
];
for (const [command, line] of MOMENTS)
  test.serial(`${command[0]}: SIGTERM at ${line} leaves no process`, async (t) => {
    const home = newHome();
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...command], {
      env: { ...process.env, GTR_HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    const exit = once(child, 'exit');
    for await (const said of createInterface({ input: child.stdout })) if (line.test(said)) break;
    child.kill('SIGTERM');
    t.deepEqual(await exit, [0, null]);
    t.deepEqual(processes(home), []);
    rmSync(home, { recursive: true, force: true });
  });

test('a server left by an earlier owner is recognised by its process id and database', async (t) => {
  const folder = newHome();
  const database = path.join(folder, 'temporal.db');
  const idle = (...args: string[]) => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', ...args]);
  const [left, stranger] = [idle(database), idle('something-else')];
  started.push(left, stranger);
  t.is(await stopLeftoverServer(folder, database), null);
  rememberServer(folder, stranger.pid!);
  t.is(await stopLeftoverServer(folder, database), null);
  t.is(stranger.exitCode ?? stranger.signalCode, null);
  rememberServer(folder, left.pid!);
  t.is(await stopLeftoverServer(folder, database), left.pid!);
  t.deepEqual(processes(database), []);
  t.is(await stopLeftoverServer(folder, database), null);
  rmSync(folder, { recursive: true });
});
