/**
 * Kills parts of an installation of its own while `configs/smoke.json` runs, and compares what each run came to with an undisturbed one: the whole
 * kill matrix (each activity x before, in the middle, after its work x each victim), then N kills at random moments.
 *
 * npm run chaos -- [--kills N] [--seed S] [--no-matrix] [--victim NAME] [--place NAME]
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startInstallation } from '../test/workflows/installation.ts';
import { FaultSwitch } from './chaos/fault-switch.ts';
import { ACTIVITIES, killMatrix } from './chaos/kill-matrix.ts';
import { killAtRandom, outcomeWithKills, undisturbedOutcome } from './chaos/kills.ts';
import { differences, type Outcome } from './chaos/outcome.ts';

const { values: options } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' }, matrix: { type: 'boolean', default: true }, victim: { type: 'string' }, place: { type: 'string' } },
  allowNegative: true,
});
const [kills, seed] = [Number(options.kills), Number(options.seed)];

const faults = await FaultSwitch.open(await mkdtemp(path.join(tmpdir(), 'gtr-faults-')));
const installation = await startInstallation();
// Ctrl-C takes the installation along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void installation.stop().then(() => process.exit(130)));
let failures = 0;
try {
  const undisturbed = await undisturbedOutcome('undisturbed');
  console.log(`undisturbed: policy ${undisturbed.result.policy.sha256.slice(0, 12)}, ${undisturbed.result.corrections.rows} correction rows, ${undisturbed.result.corrector.calls} corrector calls`);
  const judge = (name: string, outcome: Outcome | Error) => {
    const found = outcome instanceof Error ? [outcome.message] : differences(undisturbed, outcome);
    if (found.length > 0) failures++;
    console.log(`${name}: ${found.length === 0 ? 'the same' : `FAILED ${found.slice(0, 5).join('; ')}`}`);
  };
  for (const { place, victim, kills: row } of options.matrix ? killMatrix() : []) {
    if ((options.victim ?? victim) !== victim || (options.place ?? place) !== place) continue;
    const started = performance.now();
    const outcome = await outcomeWithKills(installation.supervisor, faults, `matrix-${place}-${victim}`, row).catch((error: Error) => error);
    await faults.disarm();
    judge(`${place.padEnd(8)} ${victim.padEnd(12)} ${Object.keys(ACTIVITIES).length} kills, ${((performance.now() - started) / 1000).toFixed(0)} s`, outcome);
  }
  await killAtRandom(installation.supervisor, { kills, seed }, (runId, victims, outcome) => judge(`${runId} ${victims.join(', ') || 'no kill'}`, outcome));
} finally {
  await installation.stop();
}
console.log(failures === 0 ? 'Nothing was lost.' : `${failures} runs came to something else.`);
process.exitCode = failures === 0 ? 0 : 1;
