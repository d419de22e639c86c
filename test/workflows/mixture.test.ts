/** Whole runs that mix environments: the curriculum, crashes, forks and resets, a paid teacher, what is shown. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { FaultSwitch } from '../../bench/chaos/fault-switch.ts';
import { outcomeWithKills, startSmoke, undisturbedOutcome } from '../../bench/chaos/kills.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { type RehearsalProcess, startRehearsal } from '../../bench/harness/rehearsal.ts';
import { readRun } from '../../cli/read-run.ts';
import { afterIteration } from '../../configs/mixture.ts';
import type { train } from '../../workflows/train.ts';
import { gtr } from '../cli/gtr.ts';

const KEY = 'sk-rehearsal-0123456789';
/** Three small iterations on three kinds of lakes. */
const MIXED = [
  'envSteps=72',
  'rollout.envStepsPerIteration=24',
  'rollout.episodesPerWave=8',
  'ppo.epochs=1',
  'ppo.samplesPerStep=6',
  'evaluation.episodes=12',
  'evaluation.decoding=sampled',
  'checkpoints.keepLast=3',
  'durability.heartbeatSeconds=4',
  `environments=${JSON.stringify([
    {
      label: 'few-holes',
      name: 'frozenlake',
      options: { frozen: 0.95 },
      maxEpisodeSteps: 3,
      prompt: 'frozenlake-tiny',
    },
    { name: 'frozenlake', maxEpisodeSteps: 4, prompt: 'frozenlake-tiny', evaluation: { heldOut: { map: '4x4' } } },
    {
      label: 'many-holes',
      name: 'frozenlake',
      options: { frozen: 0.65 },
      maxEpisodeSteps: 2,
      prompt: 'frozenlake-tiny',
      share: 2,
    },
  ])}`,
  'model.base=models/frozenlake-tiny',
  'model.prompt=null',
  'rollout.maxNewTokens=20',
];
const STAGED = [...MIXED, 'rollout.curriculum={"success":0,"episodes":1}'];
const LABELS = ['few-holes', 'frozenlake', 'many-holes'];

let installation: Installation;
let rehearsal: RehearsalProcess;
let faults: FaultSwitch;
test.before(async () => {
  rehearsal = await startRehearsal({
    args: ['--key', KEY],
  });
  Object.assign(process.env, { OPENAI_BASE_URL: rehearsal.url, OPENAI_API_KEY: KEY });
  faults = await FaultSwitch.open(await mkdtemp(path.join(tmpdir(), 'gtr-faults-')));
  installation = await startInstallation();
});
test.after.always(async () => {
  await installation?.stop();
  await rehearsal?.stop();
});

const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());
const records = async (id: string) => (await withClient((client) => readRun(client, id))).records.iterations;

test.serial('the curriculum follows from finished iterations: in the run, its fork and after a reset', async (t) => {
  await startSmoke('staged', STAGED);
  const staged = await result('staged');
  const iterations = await records('staged');
  for (const [index, { config, metrics }] of iterations.entries()) {
    const { stage } = config.rollout.curriculum!;
    t.is(metrics['curriculum/stage'], stage);
    if (index + 1 < iterations.length) t.deepEqual(iterations[index + 1].config, afterIteration(config, metrics));
    const steps = LABELS.map((label) => metrics[`${label}/envSteps`]!);
    t.is(
      steps.reduce((sum, count) => sum + count, 0),
      24,
    );
    t.true(steps.slice(stage).every((count) => count === 0));
  }
  t.is(iterations[0].config.rollout.curriculum!.stage, 1);
  t.true(iterations[2].config.rollout.curriculum!.stage > 1);
  t.is((await gtr(['fork', 'staged', '--at', '1', '--id', 'forked'])).code, 0);
  t.deepEqual((await result('forked')).policy, staged.policy);
  const refused = await gtr(['fork', 'staged', '--at', '1', '--id', 'other', '--set', 'environments.1.name=sokoban']);
  t.is(refused.code, 2);
  t.regex(refused.err, /^gtr: --set environments: cannot change in a fork/);
  t.is((await gtr(['reset', 'staged', '--to', '1'])).code, 0);
  t.deepEqual((await result('staged')).policy, staged.policy);
});

test.serial(
  'a mixture ends with the same bytes whatever is killed, judged by the solver or a paid teacher',
  async (t) => {
    const kills = (...faultsAndVictims: [string, 'gpu' | 'corrector' | 'orchestrator' | 'everything'][]) =>
      faultsAndVictims.map(([activity, victim]) => ({ fault: { activity, point: 'end' as const }, victim }));
    const whole = await undisturbedOutcome('whole', MIXED);
    const killed = await outcomeWithKills(
      installation.supervisor,
      faults,
      'killed',
      kills(['evaluatePolicy', 'gpu'], ['correctEpisodesLocally', 'corrector'], ['updatePolicy', 'everything']),
      MIXED,
    );
    t.deepEqual(killed, whole);

    const PAID = [...MIXED, 'corrector.teacher=openai', 'corrector.openai.timeoutSeconds=10'];
    const paid = await outcomeWithKills(
      installation.supervisor,
      faults,
      'paid',
      kills(['rolloutWave', 'gpu'], ['reviewWave', 'orchestrator'], ['correctThought', 'corrector']),
      PAID,
      () => rehearsal.settled(),
    );
    t.deepEqual(paid.result.policy, whole.result.policy);
    t.true(paid.result.corrector.calls > 0);
    t.is(paid.result.corrector.requests, rehearsal.log().length);
  },
);

test.serial(
  'what is shown of it: metrics and evaluations by environment, corrections in their own wording',
  async (t) => {
    const { evaluation } = await result('whole');
    const final = evaluation.final!;
    t.deepEqual(Object.keys(final.byEnvironment!), LABELS);
    t.is(
      Object.values(final.byEnvironment!).reduce((sum, { episodes }) => sum + episodes, 0),
      final.episodes,
    );
    t.deepEqual(Object.keys(final.groups).toSorted(), LABELS.toSorted());
    t.deepEqual(Object.keys(final.heldOut!.byEnvironment!), ['frozenlake']);
    t.is(final.heldOut!.episodes, 12);

    const shown = await gtr(['result', 'whole']);
    for (const label of LABELS) t.regex(shown.out, new RegExp(`^  ${label}: success .* episodes\\)$`, 'm'));

    const out = path.join(installation.home, 'exported');
    t.is((await gtr(['export', 'whole', '--out', out])).code, 0);
    const lines = (await readFile(path.join(out, 'corrections.jsonl'), 'utf8')).trim().split('\n');
    const judged = (await records('whole')).map(({ metrics }) =>
      LABELS.map((label) => metrics[`${label}/thought/judged`]!),
    );
    t.true(LABELS.every((_, index) => judged.some((counts) => counts[index] > 0)));
    const rows = lines.map((line) => JSON.parse(line));
    t.true(rows.length > 0);
    for (const { image, prompt, state } of rows) {
      t.is(prompt, '<image>_');
      t.true(Number.isInteger(state['(environment)']));
      t.true(existsSync(path.join(out, image)));
    }
    const { code, out: table } = await gtr(['evaluate', '--policy', 'whole', '--policy', 'solver', '--json']);
    t.is(code, 0);
    const [agent, solver] = JSON.parse(table).policies;
    t.deepEqual(Object.keys(agent.byEnvironment), LABELS);
    for (const label of LABELS) t.is(solver.byEnvironment[label].wellFormedRate, 1);
  },
);
