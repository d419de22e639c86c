/** A part of the kill matrix of two GPU workers that share a run (`npm run chaos -- --parts workers` is all of it). */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { FaultSwitch } from '../../bench/chaos/fault-switch.ts';
import { undisturbedOutcome } from '../../bench/chaos/kills.ts';
import { differences } from '../../bench/chaos/outcome.ts';
import { outcomeWithWorkersKilled, SPREAD, WorkerPair, workerMatrix } from '../../bench/chaos/two-workers.ts';
import { type Installation, startInstallation } from '../../bench/harness/installation.ts';

const CHANGES = [
  ...SPREAD,
  'envSteps=64',
  'rollout.envStepsPerIteration=32',
  'rollout.episodesPerWave=8',
  'evaluation.episodes=8',
  'durability.heartbeatSeconds=2',
];

let installation: Installation;
let pair: WorkerPair;
let faults: FaultSwitch;
test.before(async () => {
  faults = await FaultSwitch.open(await mkdtemp(path.join(tmpdir(), 'gtr-faults-')));
  installation = await startInstallation({ roles: ['orchestrator', 'corrector'] });
  pair = new WorkerPair(installation.home);
});
test.after.always(async () => {
  await pair?.stop();
  await installation?.stop();
});

test('one of two workers killed in every activity, then one for good: nothing differs', async (t) => {
  await pair.start();
  const undisturbed = await undisturbedOutcome('undisturbed', CHANGES);
  const rows = workerMatrix().filter(({ point, victim }) => point === 'written' && victim !== 'both');
  t.deepEqual(
    rows.map(({ victim, faults: points }) => [victim, points.length]),
    [
      ['one', 5],
      ['one for good', 1],
    ],
  );
  for (const row of rows) {
    const runId = row.victim.replaceAll(' ', '-');
    const outcome = await outcomeWithWorkersKilled(pair, faults, runId, row, CHANGES);
    t.deepEqual(differences(undisturbed, outcome), [], runId);
  }
});
