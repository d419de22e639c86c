/**
 * A part of the kill matrix (`npm run chaos` is the whole of it): each activity, each point, each victim at least once.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { FaultPoint } from '../../activities/fault-point.ts';
import { readConfig } from '../../cli/config-file.ts';
import { followRun } from '../../cli/watch.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { FaultSwitch } from '../../bench/chaos/fault-switch.ts';
import { type ActivityName, faultIn } from '../../bench/chaos/kill-matrix.ts';
import { outcomeWithKills, undisturbedOutcome, type Victim } from '../../bench/chaos/kills.ts';
import { artifactsLost, machineAsleep } from '../../bench/chaos/misfortunes.ts';
import { differences, type Outcome } from '../../bench/chaos/outcome.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';

const CHANGES = ['evaluation.episodes=16', 'durability.heartbeatSeconds=2'];

let installation: Installation;
let faults: FaultSwitch;
let undisturbed: Outcome;
test.before(async () => {
  faults = await FaultSwitch.open(await mkdtemp(path.join(tmpdir(), 'gtr-faults-')));
  installation = await startInstallation();
  undisturbed = await undisturbedOutcome('undisturbed', CHANGES);
});
test.after.always(() => installation?.stop());

const kill = (activity: ActivityName, point: FaultPoint, victim: Victim) => ({
  fault: faultIn(activity, point),
  victim,
});

test.serial(
  'killed in every activity of an iteration, a run ends with the same policy, optimizer, rows, requests, metrics ' +
    'and records',
  async (t) => {
    let followed: ReturnType<typeof followRun> | undefined; // as `gtr watch` follows it
    const follow = async () => {
      followed ??= withClient((client) => followRun(client, 'killed'));
      followed.catch(() => {}); // awaited below
    };
    const outcome = await outcomeWithKills(
      installation.supervisor,
      faults,
      'killed',
      [
        kill('prepareRun', 'start', 'orchestrator'),
        kill('evaluatePolicy', 'written', 'gpu'),
        kill('rolloutWave', 'written', 'gpu'), // the second resume point is stored, the first reported
        kill('correctEpisodesLocally', 'end', 'corrector'),
        kill('assembleBatch', 'written', 'orchestrator'),
        kill('updatePolicy', 'written', 'everything'), // a checkpoint half stored: the policy, not yet the optimizer
        kill('updatePolicy', 'aside', 'gpu'), // an older one is being removed
        kill('publishMetrics', 'written', 'server'), // the record is there, the line of metrics.jsonl is not
        kill('publishMetrics', 'aside', 'orchestrator'), // what only this iteration needed is being removed
        kill('publishMetrics', 'end', 'everything'), // an iteration's edge: all is done, nobody was told
      ],
      CHANGES,
      follow,
    );
    t.deepEqual(differences(undisturbed, outcome), []);
    t.is((await followed!).policy.sha256, undisturbed.result.policy.sha256);
    t.is(undisturbed.metrics.length, 2);
    t.is(undisturbed.records.length, 4); // two iterations, two evaluations
  },
);

test.serial(
  'a machine that sleeps beyond the heartbeat timeout and wakes up beside its successor changes nothing',
  async (t) => {
    t.deepEqual(differences(undisturbed, await machineAsleep({ ...installation, faults }, 'asleep', CHANGES)), []);
  },
);

test.serial('damaged or lost artifacts are rebuilt, down to the first policy', async (t) => {
  t.deepEqual(differences(undisturbed, await artifactsLost({ ...installation, faults }, 'lost', CHANGES)), []);
});

test.serial('artifacts lost after released weights are rebuilt from the first policy', async (t) => {
  const changes = [...CHANGES, 'envSteps=192', 'checkpoints.keepLast=1', 'ppo.epochs=1'];
  const expected = await undisturbedOutcome('long', changes);
  t.is(expected.metrics.length, 3);
  t.deepEqual(differences(expected, await artifactsLost({ ...installation, faults }, 'long-lost', changes)), []);
});

test.serial('samples that were made ahead are rebuilt with what led to them', async (t) => {
  const changes = [...CHANGES, 'envSteps=192', 'ppo.epochs=1', 'rollout.ahead=1'];
  const expected = await undisturbedOutcome('ahead', changes);
  t.is(expected.metrics.length, 3);
  t.deepEqual(differences(expected, await artifactsLost({ ...installation, faults }, 'ahead-lost', changes)), []);
});

test.serial('an artifact that cannot be rebuilt is one clear failure', async (t) => {
  const policy = { sha256: 'e'.repeat(64), bytes: 1, kind: 'policy' };
  const config = readConfig(runConfigSchema, 'smoke', []);
  const error = await t.throwsAsync(
    withClient((client) =>
      client.workflow.execute('evaluate', {
        workflowId: 'evaluate-nothing',
        taskQueue: 'gtr',
        args: [{ config, policy }],
      }),
    ),
  );
  let cause = error as Error;
  while (cause.cause instanceof Error) cause = cause.cause;
  t.regex(cause.message, /^Artifact policy e{64} is missing in .*; restore it from a backup or start the run again$/);
});
