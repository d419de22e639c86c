/** Whole runs on real parts: server, workers, ONNX graphs, the built-in model, the exact solver. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import test from 'ava';
import sharp from 'sharp';
import type { EvaluatePolicyResult } from '../../core/records/evaluation.ts';
import { readMetrics } from '../../core/records/run-records.ts';
import { runFolder } from '../../core/records/run-records.ts';
import { sha256 } from '../../core/artifacts/keyed-store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { readRun } from '../../cli/read-run.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { points24 } from '../../core/envs/points24.ts';
import { BUILT_IN_NAMES } from '../../core/envs/registry.ts';
import type { ExportedCorrection } from '../../core/report/export-corrections.ts';
import { exportRun } from '../../core/report/export-run.ts';
import { writeReport } from '../../core/report/write-report.ts';
import { readSteps } from '../../core/tensorboard/event-file.ts';
import { EVENT_FILES } from '../../core/tensorboard/logged-steps.ts';
import { temporalCliPath } from '../../scripts/temporal-cli.ts';
import type { Progress } from '../../workflows/run-contract.ts';
import type { train } from '../../workflows/train.ts';
import { activityRuns, type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';

let installation: Installation;
test.before(async () => {
  installation = await startInstallation();
});
test.after.always(async () => {
  await installation?.stop();
});

/** Small optimizer steps: an epoch has many resume points. */
const CHANGES = ['ppo.samplesPerStep=4', 'durability.resumePointSeconds=0', 'evaluation.episodes=16'];
const start = (id: string, changes: string[] = []) =>
  withClient((client) =>
    startRun<typeof train>(
      client,
      'train',
      id,
      [readConfig(runConfigSchema, 'smoke', [...CHANGES, ...changes])],
      'test',
    ),
  );
const result = (id: string) => withClient((client) => client.workflow.getHandle<typeof train>(id).result());

test.serial('a run is done', async (t) => {
  await start('undisturbed');
  const undisturbed = await result('undisturbed');
  t.is(undisturbed.status, 'done');
  t.is(undisturbed.iterations, 2);
  t.is(undisturbed.envSteps, 128);
  t.true(undisturbed.corrections.rows > 0);
  const metrics = await readMetrics(path.join(runFolder(installation.home, 'undisturbed'), 'metrics.jsonl'));
  t.deepEqual(
    metrics.map(({ iteration }) => iteration),
    [0, 1],
  );
  t.true(
    metrics.every(
      ({ metrics: measured }) => measured['thought/perplexity']! >= 1 && measured['time/tokensPerSecond']! > 0,
    ),
  );

  const steps = async (kind: keyof typeof EVENT_FILES) =>
    readSteps(
      await readFile(path.join(runFolder(installation.home, 'undisturbed'), 'tensorboard', EVENT_FILES[kind])),
    ).steps.map(({ step }) => step);
  t.deepEqual(await steps('training'), [0, 1]);
  t.deepEqual(await steps('evaluation'), [0, 2]); // at the start, and after two iterations
});

test.serial('docs/metrics.md names every metric', async (t) => {
  const documented = await readFile(path.resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const { evaluation } = await result('undisturbed');
  const groups = Object.keys(evaluation.final!.groups);
  const [{ metrics }] = await readMetrics(path.join(runFolder(installation.home, 'undisturbed'), 'metrics.jsonl'));
  const names = Object.keys(metrics).map((name) =>
    groups.includes(name.replace('episode/success/', '')) ? 'episode/success/GROUP' : name,
  );
  t.deepEqual(
    names.filter((name) => !documented.includes(`\`${name}\``)),
    [],
  );
});

test.serial(
  'any checkpoint of a run is evaluated as in the run, sampled and greedy; the solver beside it; what is not there ' +
    'is refused',
  async (t) => {
    const evaluate = async (...args: string[]) => {
      const { stdout } = await promisify(execFile)(path.resolve(import.meta.dirname, '../../gtr'), [
        'evaluate',
        '--json',
        ...args,
      ]);
      return JSON.parse(stdout) as EvaluatePolicyResult & { evaluated: string };
    };
    const { evaluation } = await result('undisturbed');
    const { greedy, ...sampled } = await evaluate('--policy', 'undisturbed@0');
    t.like(sampled, { ...evaluation.start, greedy: undefined });
    t.is(greedy?.episodes, 16);
    t.is((await evaluate('--policy', 'solver', '--config', 'smoke')).success, 1); // seen deals are solvable
    const refused = await t.throwsAsync(evaluate('--policy', 'undisturbed@3'));
    t.regex(
      (refused as unknown as { stderr: string }).stderr,
      /run undisturbed has done 2 iterations; name one of undisturbed@0 to undisturbed@2/,
    );
  },
);

test.serial('a machine with only the store reports and exports a run', async (t) => {
  const elsewhere = await mkdtemp(path.join(tmpdir(), 'gtr-elsewhere-'));
  Object.assign(process.env, { GTR_HOME: elsewhere, GTR_STORE: path.join(installation.home, 'artifacts') });
  const known = await withClient((client) => readRun(client, 'undisturbed'));
  Object.assign(process.env, { GTR_HOME: installation.home });
  delete process.env.GTR_STORE;
  t.is(known.status, 'done');
  t.true(
    (await readFile(await writeReport({ runId: 'undisturbed', ...known }), 'utf8')).includes('what the agent saw'),
  );

  const out = path.join(elsewhere, 'export');
  const written = await exportRun({ out, ...known });
  t.deepEqual(
    written.map((name) => path.relative(out, name)),
    [
      'config.json',
      'metrics.jsonl',
      'evaluation-final.json',
      'evaluation-start.json',
      'tensorboard/training/events.out.tfevents.gtr',
      'tensorboard/evaluation/events.out.tfevents.gtr',
      'policy.safetensors',
      'optimizer.safetensors',
      'corrections.jsonl',
      'images',
    ],
  );
  const { policy, corrections } = await result('undisturbed');
  t.is(sha256(await readFile(path.join(out, 'policy.safetensors'))), policy.sha256);
  t.is((await readMetrics(path.join(out, 'metrics.jsonl'))).length, 2);
  const rows = (await readFile(path.join(out, 'corrections.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ExportedCorrection);
  t.is(rows.length, corrections.rows);
  for (const { image, prompt, response, trained, state } of rows) {
    t.true(prompt.includes('<image>'));
    t.true(
      response.startsWith(trained) && !trained.includes('"action":"') && 'action' in (JSON.parse(response) as object),
    );
    const { data } = await sharp(path.join(out, image)).raw().toBuffer({ resolveWithObject: true });
    t.deepEqual(
      new Uint8Array(data),
      points24
        .fromState(state, points24.parseOptions(known.config.environment.options))
        .observe(known.config.model.imageSize).data,
    );
  }
});

test.serial('a run started with the plain temporal CLI is the same run', async (t) => {
  const file = path.join(installation.home, 'plain.json');
  await promisify(execFile)('cp', [path.resolve(import.meta.dirname, '../../configs/smoke.json'), file]);
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  const input = JSON.stringify({ ...config, evaluation: { episodes: 0 }, envSteps: 64 });
  const args = [
    'workflow',
    'start',
    '--type',
    'train',
    '--task-queue',
    'gtr',
    '--workflow-id',
    'plain',
    '--input',
    input,
    '--address',
    process.env.TEMPORAL_ADDRESS!,
  ];
  await promisify(execFile)(temporalCliPath(), args);
  t.is((await result('plain')).iterations, 1);
});

test.serial('pause, resume and stop', async (t) => {
  await start('steered', ['envSteps=640', 'evaluation.episodes=0']);
  await withClient(async (client) => {
    const handle = client.workflow.getHandle('steered');
    const progress = () => handle.query<Progress>('progress');
    await activityRuns(client, 'steered/iteration-0', 'rolloutWave');
    await handle.signal('pause');
    t.is((await progress()).status, 'paused');
    await handle.signal('resume');
    await activityRuns(client, 'steered/iteration-1', 'updatePolicy');
    await handle.signal('stop', 'finish');
    const stopped = await result('steered');
    t.is(stopped.status, 'stopped');
    t.is(stopped.iterations, 2);
  });
});

test.serial('stopping at once drops the running iteration', async (t) => {
  await start('dropped', ['envSteps=640', 'evaluation.episodes=0']);
  await withClient(async (client) => {
    await activityRuns(client, 'dropped/iteration-1', 'rolloutWave');
    await client.workflow.getHandle('dropped').signal('stop', 'now');
  });
  const dropped = await result('dropped');
  t.is(dropped.status, 'stopped');
  t.is(dropped.iterations, 1);
});

test.serial(
  'temporal workflow cancel drops the running iteration; what the run came to before is told, and a fork goes on ' +
    'from it',
  async (t) => {
    await start('canceled', ['envSteps=192', 'evaluation.episodes=0']);
    const temporal = async (...args: string[]) =>
      (await promisify(execFile)(temporalCliPath(), ['workflow', ...args, '--address', process.env.TEMPORAL_ADDRESS!]))
        .stdout;
    await withClient((client) => activityRuns(client, 'canceled/iteration-1', 'updatePolicy'));
    await temporal('cancel', '--workflow-id', 'canceled');
    await t.throwsAsync(result('canceled'), {
      instanceOf: WorkflowFailedError,
      message: 'Workflow execution cancelled',
    });
    const status = async (id: string) =>
      (await withClient((client) => client.workflow.getHandle(id).describe())).status.name;
    t.deepEqual([await status('canceled'), await status('canceled/iteration-1')], ['CANCELLED', 'CANCELLED']);
    t.regex(await temporal('list', '--query', 'GtrStatus = "canceled"'), /\bcanceled\b/);

    const gtr = async (...args: string[]) =>
      (await promisify(execFile)(path.resolve(import.meta.dirname, '../../gtr'), args)).stdout;
    t.is(await gtr('result', 'canceled'), 'canceled: canceled after 1 iterations\n');
    await gtr('fork', 'canceled', '--at', '1', '--id', 'revived', '--set', 'envSteps=128');
    t.is((await result('revived')).iterations, 2);
  },
);

test.serial('bad input inside a workflow is a failure that names its cause', async (t) => {
  const failure = async (id: string, input: unknown) => {
    await withClient((client) => startRun<typeof train>(client, 'train', id, [input], 'test'));
    const error = await t.throwsAsync(result(id));
    let cause: Error & { type?: string } = error!;
    while (cause.type === undefined && cause.cause instanceof Error) cause = cause.cause;
    return cause;
  };
  const config = readConfig(runConfigSchema, 'smoke', []);
  t.like(await failure('unknown-key', { ...config, speed: 1 }), {
    type: 'Config.Invalid',
    message: 'the run configuration: unknown key "speed"; see configs/run.schema.json for the known ones.',
  });
  const unknown = await failure('unknown-environment', { ...config, environment: { name: 'poker' } });
  t.is(unknown.type, 'Config.Invalid');
  const known = `unknown environment "poker"; known are ${BUILT_IN_NAMES.join(', ')}, and your own by the path of its`;
  t.true(unknown.message.startsWith(`environment.name: ${known} module, or by a package found from `));
  const missing = await failure('missing-model', { ...config, model: { ...config.model, base: 'models/nothing' } });
  t.like(missing, { type: 'Model.Unusable' });
  t.regex(missing.message, /There is no model folder .*models\/nothing; name a folder/);
});

test.serial('a run id in use is refused', async (t) => {
  const error = await t.throwsAsync(start('undisturbed'));
  t.is(
    error?.message,
    'The run id "undisturbed" is in use; choose another --id, or follow that run with `./gtr watch undisturbed`.',
  );
});
