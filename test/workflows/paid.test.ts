/**
 * Whole runs with a paid teacher, against the rehearsal server: from fault to result, counting the requests that the
 * server received.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { NativeConnection, Worker } from '@temporalio/worker';
import test from 'ava';
import { queueWorkers } from '../../core/corrector/account-limits.ts';
import { readMetrics } from '../../core/records/run-records.ts';
import { runFolder } from '../../core/records/run-records.ts';
import { FaultSwitch } from '../../bench/chaos/fault-switch.ts';
import { kill, outcomeWithKills } from '../../bench/chaos/kills.ts';
import { readConfig } from '../../cli/config-file.ts';
import { readRun } from '../../cli/read-run.ts';
import { allExecutions } from '../../cli/run-references.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { judgedThoughts } from '../../core/report/judged-thoughts.ts';
import { writeReport } from '../../core/report/write-report.ts';
import { temporalCliPath } from '../../scripts/temporal-cli.ts';
import type { TrainResult } from '../../core/records/train-result.ts';
import type { train } from '../../workflows/train.ts';
import { type RehearsalProcess, startRehearsal } from '../../bench/harness/rehearsal.ts';
import { gtr } from '../cli/gtr.ts';
import { halted, waitingFor } from './wait-for-run.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';

const KEY = 'sk-rehearsal-0123456789';
/** Two iterations of a dozen steps. */
const SMALL = [
  'envSteps=24',
  'rollout.envStepsPerIteration=12',
  'rollout.episodesPerWave=6',
  'ppo.epochs=1',
  'ppo.samplesPerStep=12',
  'evaluation.episodes=0',
  'durability.heartbeatSeconds=4',
  'environment.maxEpisodeSteps=6',
];
const PAID = [...SMALL, 'corrector.teacher=openai', 'corrector.openai.timeoutSeconds=10'];
/** With another temperature, so that the earlier runs' ledger contains no answer. */
const fresh = (temperature: number) => [...PAID, `corrector.openai.temperature=${temperature}`];

let rehearsal: RehearsalProcess;
let installation: Installation;
let faults: FaultSwitch;
let solver: TrainResult;
/** Thoughts of the kept steps: as many questions a paid teacher is asked, and no more. */
let keptThoughts: number;
test.before(async () => {
  rehearsal = await startRehearsal({ args: ['--key', KEY, '--model', 'gpt-4o', '--model', 'llava-next'] });
  Object.assign(process.env, { OPENAI_BASE_URL: rehearsal.url, OPENAI_API_KEY: KEY });
  faults = await FaultSwitch.open(await mkdtemp(path.join(tmpdir(), 'gtr-faults-')));
  installation = await startInstallation();
  await start('solver', SMALL);
  solver = await result('solver');
  keptThoughts = (await metricsOf('solver')).reduce((sum, metrics) => sum + metrics['thought/judged']!, 0);
});
test.after.always(async () => {
  await installation?.stop();
  await rehearsal?.stop();
});

const start = (id: string, changes: string[]) =>
  withClient((client) =>
    startRun<typeof train>(client, 'train', id, [readConfig(runConfigSchema, 'smoke', changes)], 'test'),
  );
const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());
const metricsOf = async (id: string) =>
  (await readMetrics(path.join(runFolder(installation.home, id), 'metrics.jsonl'))).map(({ metrics }) => metrics);
const signal = (id: string, name: string, ...args: unknown[]) =>
  withClient((client) => client.workflow.getHandle(id).signal(name, ...args));
async function rate(...args: string[]): Promise<Record<string, unknown>> {
  // only activities meet faults
  const { out } = await gtr(['rate', '--json', ...args], { env: { GTR_FAULTS: undefined } });
  return JSON.parse(out) as Record<string, unknown>;
}
/** Requests that the server received since the last call, and how many of them it answered. */
let seen = 0;
function requests(): { received: number; answered: number } {
  const log = rehearsal.log().slice(seen);
  seen += log.length;
  return { received: log.length, answered: log.filter(({ status, fault }) => status === 200 && fault === null).length };
}
const same = (t: { is(a: unknown, b: unknown): unknown }, run: Pick<TrainResult, 'policy' | 'corrections'>) => {
  t.is(run.policy.sha256, solver.policy.sha256);
  t.is(run.corrections.rows, solver.corrections.rows);
};

test.serial(
  "a paid run asks about each thought once and ends as the solver's; a second one asks about nothing",
  async (t) => {
    await start('paid', PAID);
    const paid = await result('paid');
    same(t, paid);
    const { received, answered } = requests();
    t.is(paid.corrector.calls, keptThoughts);
    t.true(keptThoughts < solver.corrector.calls, 'the solver judges whole waves');
    t.is(received, 2 * paid.corrector.calls); // the solver's tool, then the answer
    t.like(paid.corrector, { requests: answered, skipped: 0, ledgerHits: 0, failures: 0, unusable: {} });
    t.true(paid.corrector.tokensIn > 1000 * received && paid.corrector.tokensOut > 0 && paid.corrector.costUsd! > 0);

    await start('again', PAID);
    const again = await result('again');
    same(t, again);
    t.is(requests().received, 0);
    t.like(again.corrector, { calls: 0, requests: 0, ledgerHits: paid.corrector.calls, costUsd: 0 });
  },
);

test.serial('transient errors are retried, and counted', async (t) => {
  const once = (fault: object) => ({ times: 1, ...fault });
  const script = [
    once({ fault: 'rateLimit', seconds: 0.5, headers: 'retry-after-ms' }),
    once({ fault: 'rateLimit', seconds: 1 }),
    once({ fault: 'rateLimit', seconds: 1, headers: 'x-ratelimit' }),
    once({ fault: 'rateLimit', headers: 'none' }),
    once({ fault: 'status', status: 500 }),
    once({ fault: 'status', status: 503 }),
    once({ fault: 'slow', seconds: 60 }),
    once({ fault: 'cut' }),
    once({ fault: 'cutBody' }),
    once({ fault: 'halfJson' }),
  ];
  await rehearsal.setFaults(script as never);
  await start('passing', [...fresh(0.1), 'corrector.openai.timeoutSeconds=3']);
  const passing = await result('passing');
  same(t, passing);
  const { answered } = requests();
  t.is(answered, 2 * passing.corrector.calls);
  t.like(passing.corrector, { requests: answered, failures: script.length, rateLimited: 4, ledgerHits: 0 });
  await rehearsal.setFaults([]);
});

test.serial('unusable answers give no row and no cut, and end', async (t) => {
  const once = (fault: string) => ({ fault, times: 1 });
  await rehearsal.setFaults([
    ...['refusal', 'contentFilter', 'contentFilterPrompt', 'length', 'empty'].map(once),
    { fault: 'wrongFormula' },
  ] as never);
  await start('senseless', [...fresh(0.2), 'envSteps=12', 'corrector.openai.toolRounds=0']);
  const senseless = await result('senseless');
  const { calls, requests: asked, unusable } = senseless.corrector;
  t.deepEqual(unusable, { contentFilter: 2, empty: 1, length: 1, refusal: 1, wrongTarget: calls - 5 });
  t.is(asked, 5 + 2 * (calls - 5)); // a wrong formula is complained of once
  t.is(requests().received, asked);
  t.is(senseless.corrections.rows, 0);
  const [metrics] = await metricsOf('senseless');
  t.is(metrics['corrector/unusable/wrongTarget'], calls - 5);
  t.is(metrics['thought/unusableRate'], 1);
  await rehearsal.setFaults([]);
});

test.serial('an unusable answer is asked for again, once, with the reason', async (t) => {
  const once = (fault: string) => ({ fault, first: true, times: 1 }); // each meets another thought
  const script = ['wrongNoSolution', 'wrongFormula', 'wrongAction', 'wrongWording', 'wrongSchema', 'halfContent'].map(
    once,
  );
  await rehearsal.setFaults(script as never);
  await start('again-once', [...fresh(0.25), 'corrector.openai.toolRounds=0']);
  const again = await result('again-once');
  same(t, again);
  t.like(again.corrector, { calls: keptThoughts, requests: keptThoughts + script.length, failures: 0, unusable: {} });
  t.is(requests().received, keptThoughts + script.length);
  await rehearsal.setFaults([]);
});

test.serial("the solver's tool may be called several times at once, but not for ever", async (t) => {
  await rehearsal.setFaults([
    { fault: 'severalCalls', first: true, times: 3 },
    { fault: 'toolLoop', first: false },
  ] as never);
  await start('looping', [...fresh(0.27), 'envSteps=12', 'corrector.openai.toolRounds=2']);
  const { corrector, corrections } = await result('looping');
  t.deepEqual(corrector.unusable, { toolRounds: corrector.calls });
  t.is(corrector.requests, 3 * corrector.calls); // two rounds, and one more call where an answer was asked for
  t.is(requests().received, corrector.requests);
  t.is(corrections.rows, 0);
  await rehearsal.setFaults([]);
});

test.serial('what needs a person pauses the run with its reason; it continues where it was', async (t) => {
  await rehearsal.setFaults([{ fault: 'status', status: 401 }]);
  await start('person', fresh(0.3));
  const refused = await halted('person', /401|key/i);
  t.is(refused.status, 'paused');
  await rehearsal.setFaults([{ fault: 'quota' }]);
  await signal('person', 'resume');
  await halted('person', /quota/i);
  for (const status of [400, 403]) {
    await rehearsal.setFaults([{ fault: 'status', status }]);
    await signal('person', 'resume');
    await halted('person', new RegExp(`answered ${status}`));
  }
  await rehearsal.setFaults([{ fault: 'status', status: 404 }]);
  await signal('person', 'resume');
  await halted('person', /404|model/i);
  await rehearsal.setFaults([]);
  await signal('person', 'resume');
  const person = await result('person');
  same(t, person);
  const { answered } = requests();
  t.is(answered, 2 * person.corrector.calls); // nothing was lost, nothing asked twice
  t.is(person.corrector.requests, answered);
});

test.serial('a teacher that will not answer is detected before the first iteration', async (t) => {
  await start('absent', [...fresh(0.34), 'corrector.openai.model=gpt-9']);
  const progress = await halted(
    'absent',
    /404: The model `gpt-9` does not exist .*; check corrector\.openai\.model and the server's address\.$/,
  );
  t.like(progress, { status: 'paused', iteration: 0, policy: null });
  await signal('absent', 'stop', 'now');
  t.is((await result('absent')).status, 'stopped');
  t.is(requests().received, 0);
});

test.serial('a budget is kept, and raised during the run', async (t) => {
  await start('budget', [...fresh(0.35), 'corrector.budgetUsd=0.08']);
  const stopped = await halted('budget', /budget of \$0\.08/);
  t.is(stopped.status, 'paused');
  t.true(stopped.corrector.calls > 0 && stopped.corrector.costUsd! <= 0.08, `$${stopped.corrector.costUsd}`);
  await signal('budget', 'resume');
  await halted('budget', /budget of \$0\.08/); // still spent
  await withClient((client) =>
    client.workflow.getHandle('budget').executeUpdate('set', { args: [{ 'corrector.budgetUsd': null }] }),
  );
  const raised = await result('budget');
  same(t, raised);
  t.is(requests().received, raised.corrector.requests);
  t.true(raised.corrector.costUsd! > 0.08);
});

test.serial(
  'an account is paced live, by gtr rate and by the temporal CLI; a long wait is spent outside the worker',
  async (t) => {
    const temporal = (...args: string[]) =>
      promisify(execFile)(temporalCliPath(), [
        'task-queue',
        'config',
        ...args,
        '--task-queue',
        'corrector',
        '--task-queue-type',
        'activity',
        '--address',
        process.env.TEMPORAL_ADDRESS!,
      ]);
    t.like(await rate('--requests-per-minute', '1', '--requests-per-thought', '1', '--tokens-per-minute', '100000'), {
      requestsPerMinute: 1,
      tokensPerMinute: 100_000,
      thoughtsPerMinute: 1,
    });
    await rehearsal.setFaults([{ fault: 'rateLimit', seconds: 100, times: 1 }]);
    await start('paced', [...fresh(0.355), 'envSteps=12']);
    // longer than the policy's own longest pause
    await waitingFor('paced', 'Corrector.rateLimit', (seconds) => t.true(seconds > 60, `${seconds} s`));
    await temporal('set', '--queue-rps-limit', '100', '--queue-rps-limit-reason', 'test');
    t.is((await rate()).thoughtsPerMinute, 6000);
    // the others know of it without asking
    await waitingFor('paced', 'Corrector.coolDown', (seconds) => t.true(seconds > 20, `${seconds} s`));
    t.true(requests().received <= 6); // those under way when the account began to cool down
    await signal('paced', 'stop', 'now');
    t.is((await result('paced')).status, 'stopped');
    t.like(await rate('--requests-per-minute', 'none', '--tokens-per-minute', 'none'), {
      requestsPerMinute: null,
      tokensPerMinute: null,
      thoughtsPerMinute: null,
    });
    // The cool-down is the worker's: a new one asks again.
    await kill(installation.supervisor, 'corrector');
  },
);

test.serial('workers of one account share its tokens', async (t) => {
  const connections = await Promise.all(
    [0, 1].map(() => NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS })),
  );
  const workers = await Promise.all(
    connections.map((connection, number) =>
      Worker.create({
        connection,
        identity: `worker ${number}`,
        taskQueue: 'corrector-shared',
        activities: { idle: async () => {} },
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  while ((await withClient((client) => queueWorkers(client, 'corrector-shared'))) < 2)
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.like(await rate('--account', 'shared', '--tokens-per-minute', '1000'), { tokensPerMinute: 1000, workers: 2 });
  for (const worker of workers) worker.shutdown();
  await Promise.all(running);
  for (const connection of connections) await connection.close();
});

test.serial('an unknown price makes the cost unknown, and a budget impossible', async (t) => {
  await start('unknown', [...fresh(0.36), 'corrector.openai.model=llava-next', 'corrector.budgetUsd=1', 'envSteps=12']);
  await halted('unknown', /price of the corrector's model is unknown/);
  await withClient((client) =>
    client.workflow.getHandle('unknown').executeUpdate('set', { args: [{ 'corrector.budgetUsd': null }] }),
  );
  t.is((await result('unknown')).corrector.costUsd, null);
  requests();
});

test.serial(
  'verified-skip does not ask about what the solver proves right; in waves judged while they are sampled, whatever ' +
    'is killed, nothing is paid twice',
  async (t) => {
    const outcome = await outcomeWithKills(
      installation.supervisor,
      faults,
      'killed',
      [
        { fault: { activity: 'rolloutWave', point: 'end' }, victim: 'gpu' }, // with a part of a wave
        { fault: { activity: 'reviewWave', point: 'end' }, victim: 'orchestrator' },
        // behind the first of two answers
        { fault: { activity: 'correctThought', point: 'written', writes: 1 }, victim: 'corrector' },
        // behind the second, before the verdict
        { fault: { activity: 'correctThought', point: 'written', writes: 2 }, victim: 'corrector' },
        { fault: { activity: 'correctThought', point: 'end' }, victim: 'corrector' }, // between answer and completion
        { fault: { activity: 'reviewWave', point: 'written', writes: 2 }, victim: 'everything' }, // behind the verdicts
      ],
      [...fresh(0.37), 'corrector.ask=verified-skip', 'corrector.handOverSeconds=0'],
    );
    same(t, outcome.result);
    const { corrector } = outcome.result;
    t.is(corrector.calls + corrector.skipped, keptThoughts);
    t.true(corrector.skipped > 0);
    // Answers that were on their way when the worker was killed are lost with it: the server may have answered more
    // than arrived.
    const { answered } = requests();
    t.is(corrector.requests, 2 * corrector.calls);
    t.true(
      answered >= corrector.requests && answered <= corrector.requests + 3 * 6,
      `${answered} answered, ${corrector.requests} kept`,
    );
  },
);

test.serial('corrections are listed with who judged them and what it cost', async (t) => {
  const known = await withClient((client) => readRun(client, 'killed'));
  const thoughts = await Array.fromAsync(judgedThoughts(known.store, known.records.iterations, {}));
  const by = (who: string) => thoughts.filter((thought) => thought.by === who);
  const { corrector } = await result('killed');
  t.is(by('teacher').length, corrector.calls);
  t.is(by('solver').length, corrector.skipped);
  t.true(by('teacher').every(({ answer }) => answer!.requests === 2 && answer!.costUsd! > 0));
  t.true(
    thoughts
      .filter(({ outcome }) => outcome === 'corrected')
      .every(({ correction, advised }) => correction !== null && advised !== null),
  );
});

test.serial('the key is nowhere', async (t) => {
  await writeReport({ runId: 'paid', ...(await withClient((client) => readRun(client, 'paid'))) });
  const files = (await readdir(installation.home, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  t.true(
    files.some((file) => file.endsWith('temporal.db')) &&
      files.some((file) => file.endsWith('corrector.log')) &&
      files.some((file) => file.endsWith('report.html')),
  );
  for (const file of files) {
    const bytes = await readFile(file);
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    t.false(text.includes(KEY), file);
    t.false(/authorization: *bearer/i.test(text.toString('latin1')), file);
  }
  await withClient(async (client) => {
    for (const { workflowId, runId } of await allExecutions(client)) {
      const history = JSON.stringify(
        await client.workflow.getHandle(workflowId, runId).fetchHistory(),
        (_, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value),
      );
      t.false(history.includes(KEY), workflowId);
    }
  });
  t.false(rehearsal.log().some((line) => JSON.stringify(line).includes(KEY)));
});
