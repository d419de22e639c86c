/**
 * Kills parts of a separate installation while `configs/smoke.json` runs, and compares the outcome of each run with an
 * undisturbed one: the whole kill matrix (each activity x before, in the middle, after its work x each victim), the
 * same with two GPU workers that share the run (each, both, one for good), other misfortunes, then N kills at random
 * moments.
 *
 * npm run chaos -- [--kills N] [--seed S] [--parts workers,matrix,misfortunes,random] [--victim NAME] [--point NAME]
 * [--away SECONDS] [--teacher solver|openai] [--set a.b=c ...]
 *
 * With `--teacher openai` the rehearsal server (`gtr fake-openai`) judges, and the requests in its log are compared
 * too.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type RehearsalProcess, startRehearsal } from './harness/rehearsal.ts';
import { startInstallation } from './harness/installation.ts';
import { algorithmOf } from '../configs/algorithms.ts';
import { FaultSwitch } from './chaos/fault-switch.ts';
import { type ChaosTeacher, killMatrix } from './chaos/kill-matrix.ts';
import { killAtRandom, outcomeWithKills, smokeConfig, undisturbedOutcome } from './chaos/kills.ts';
import { differences, type Outcome } from './chaos/outcome.ts';
import { killWorkers } from './chaos/two-workers.ts';
import { artifactsLost, diskFull, machineAsleep, serverAway } from './chaos/misfortunes.ts';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    parts: { type: 'string', default: 'workers,matrix,misfortunes,random' },
    victim: { type: 'string' },
    point: { type: 'string' },
    teacher: { type: 'string', default: 'solver' },
    away: { type: 'string', default: '150' },
    'small-disk': { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const smallDisk = options['small-disk'];
const parts = smallDisk === undefined ? options.parts.split(',') : [];
const temporaryFolder = () => mkdtempSync(path.join(tmpdir(), 'gtr-chaos-'));

/** Bytes of the disk that fills up: a run and its resume points need less. */
const SMALL_DISK = '512m';

const faults = await FaultSwitch.open(temporaryFolder());
if (smallDisk !== undefined) process.env.GTR_STORE = smallDisk;
const teacher = options.teacher as ChaosTeacher;
const rehearsal: RehearsalProcess | null = teacher === 'openai' ? await startRehearsal() : null;
if (rehearsal !== null) Object.assign(process.env, { OPENAI_BASE_URL: rehearsal.url, OPENAI_API_KEY: 'rehearsal' });
let failures = 0;
if (parts.includes('workers') && teacher === 'solver') {
  for await (const { name, found } of killWorkers(faults, options.set, options)) {
    if (found.length > 0) failures++;
    console.log(`${name}: ${found.length === 0 ? 'the same' : `FAILED ${found.slice(0, 5).join('; ')}`}`);
  }
  if (parts.length === 1) process.exit(failures === 0 ? 0 : 1);
}
const installation = await startInstallation();
// Ctrl-C also stops the installation.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stop().then(() => process.exit(130)));
const stop = async () => {
  await installation.stop();
  await rehearsal?.stop();
};
const scene = { ...installation, faults };
const { merged } = algorithmOf(smokeConfig(options.set));

/** Runs, compares with the undisturbed run, and prints the result. */
async function compare(name: string, run: () => Promise<Outcome>, { countRequests = true } = {}): Promise<void> {
  const started = performance.now();
  const found = await run().then(
    (outcome) => differences(undisturbed, outcome),
    (error: Error) => [error.message],
  );
  await faults.disarm();
  const received = requests();
  if (countRequests && received !== undisturbedRequests)
    found.push(`${received} requests instead of ${undisturbedRequests}`);
  if (found.length > 0) failures++;
  console.log(
    `${name}, ${((performance.now() - started) / 1000).toFixed(0)} s: ` +
      `${found.length === 0 ? 'the same' : `FAILED ${found.slice(0, 5).join('; ')}`}`,
  );
}

/** Each run asks at a different temperature, so that the ledger never knows the answers. */
let runs = 0;
const changes = () =>
  rehearsal === null
    ? options.set
    : [...options.set, 'corrector.teacher=openai', `corrector.openai.temperature=${(++runs / 1000).toFixed(3)}`];

let logged = 0;
/** Requests in the rehearsal server's log since the last call. */
function requests(): number {
  const before = logged;
  logged = rehearsal?.log().length ?? 0;
  return logged - before;
}

const undisturbed = await undisturbedOutcome('undisturbed', changes());
const undisturbedRequests = requests();
try {
  const { policy, corrections, corrector } = undisturbed.result;
  console.log(
    `undisturbed: policy ${policy.sha256.slice(0, 12)}, ${corrections.rows} correction rows, ` +
      `${corrector.calls} corrector calls${rehearsal === null ? '' : `, ${undisturbedRequests} requests`}`,
  );
  if (smallDisk !== undefined) await compare('disk full', () => diskFull(scene, 'disk-full', smallDisk, options.set));
  for (const { point, victim, kills } of parts.includes('matrix') ? killMatrix(teacher, merged) : []) {
    if ((options.victim ?? victim) !== victim || (options.point ?? point) !== point) continue;
    await compare(`${point.padEnd(8)} ${victim.padEnd(12)} ${kills.length} kills`, () =>
      outcomeWithKills(installation.supervisor, faults, `matrix-${point}-${victim}`, kills, changes(), () =>
        rehearsal?.settled(),
      ),
    );
  }
  if (parts.includes('misfortunes')) {
    await compare('machine asleep beyond the heartbeat timeout, awake beside its successor', () =>
      machineAsleep(scene, 'asleep', options.set),
    );
    await compare('artifacts damaged, later gone', () => artifactsLost(scene, 'lost', options.set));
    await compare(`server away for ${options.away} s`, () =>
      serverAway(scene, 'away', Number(options.away), options.set),
    );
    if (!onSmallDisk()) console.log('disk full: not tried, because users cannot mount a small disk on this system');
  }
  if (parts.includes('random')) {
    for await (const { runId, victims, outcome } of killAtRandom(installation.supervisor, {
      kills: Number(options.kills),
      seed: Number(options.seed),
      changes: options.set,
    }))
      await compare(`${runId}: ${victims.join(', ') || 'no kill'}`, () => outcome, { countRequests: false });
  }
} finally {
  await stop();
}
console.log(failures === 0 ? 'Nothing was lost.' : `${failures} runs had a different outcome.`);
process.exitCode = failures === 0 ? 0 : 1;

/**
 * The same script with its store on a separate small disk, which needs no rights if the kernel allows user namespaces;
 * false if it does not.
 */
function onSmallDisk(): boolean {
  const unshare = ['--user', '--map-root-user', '--mount'];
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) return false;
  const store = temporaryFolder();
  const mount = `mount -t tmpfs -o size=${SMALL_DISK} none "$0" && exec "$@"`;
  const { status } = spawnSync(
    'unshare',
    [
      ...unshare,
      'sh',
      '-c',
      mount,
      store,
      process.execPath,
      ...process.execArgv,
      import.meta.filename,
      '--small-disk',
      store,
      ...options.set.flatMap((change) => ['--set', change]),
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) failures++;
  return true;
}
