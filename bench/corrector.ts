/**
 * Is the corrector off the critical path? Measures the same iteration with a teacher that takes 12.6 s a thought and
 * with an instant one, and the time of the same work in sequence, as in the original. Workflows, corrector worker,
 * HTTP, ledger and judgements are real; the policy is a stand-in that takes a large model's time.
 *
 * npm run bench -- corrector [--steps N] [--environments N] [--latency S] [--round S] [--update S] [--scale X]
 */
import { parseArgs } from 'node:util';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { readRunRecords } from '../core/records/run-records.ts';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { startRehearsal } from './harness/rehearsal.ts';
import { startInstallation, withClient } from './harness/installation.ts';
import { activityDependencies, temporalConfig, workflowQueue } from '../workers/installation.ts';
import { temporalLogger } from '../workers/logger.ts';
import { queueOf } from '../workflows/queues.ts';
import type { TrainResult } from '../core/records/train-result.ts';
import type { train } from '../workflows/train.ts';
import { pretendPolicyActivities } from './corrector/pretend-policy.ts';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '1024' },
    environments: { type: 'string', default: '16' },
    latency: { type: 'string', default: '12.6' },
    round: { type: 'string', default: '5' },
    update: { type: 'string', default: '5.3' },
    scale: { type: 'string', default: '1' },
  },
});
const [steps, environments, scale] = [values.steps, values.environments, values.scale].map(Number);
const [latency, roundSeconds, updateSecondsPerStep] = [values.latency, values.round, values.update].map(
  (seconds) => Number(seconds) * scale,
);
/** The solver is not a tool here: a thought is one request with the whole latency. */
const CHANGES = [
  `envSteps=${steps}`,
  `rollout.envStepsPerIteration=${steps}`,
  `rollout.episodesPerWave=${environments}`,
  'ppo.epochs=4',
  'evaluation.episodes=0',
  'corrector.openai.toolRounds=0',
  `corrector.handOverSeconds=${10 * scale}`,
  `corrector.openai.timeoutSeconds=${Math.max(10, 3 * latency)}`,
];

process.env.GTR_LOG_LEVEL = 'error';
Runtime.install({ logger: temporalLogger('bench') });
const rehearsal = await startRehearsal({ args: ['--latency', String(latency)] });
Object.assign(process.env, { OPENAI_BASE_URL: rehearsal.url, OPENAI_API_KEY: 'any' });
const installation = await startInstallation({ roles: ['orchestrator', 'corrector'] });
const connection = await NativeConnection.connect(temporalConfig().connection);
const policy = await Worker.create({
  connection,
  taskQueue: queueOf('gpu', workflowQueue()),
  activities: pretendPolicyActivities(activityDependencies(), { roundSeconds, updateSecondsPerStep }),
  maxConcurrentActivityTaskExecutions: 2, // a GPU for each of the two runs
});

/** A separate iteration; seconds from its record. */
async function iteration(
  id: string,
  teacher: 'openai' | 'solver',
): Promise<{ seconds: number; sampleAndCorrect: number; result: TrainResult }> {
  return await withClient(async (client) => {
    const handle = await startRun<typeof train>(
      client,
      'train',
      id,
      [readConfig(runConfigSchema, 'smoke', [...CHANGES, `corrector.teacher=${teacher}`])],
      'bench',
    );
    const result = await handle.result();
    const [{ metrics }] = (await readRunRecords(activityDependencies().store, id)).iterations;
    return { seconds: metrics['time/iteration']!, sampleAndCorrect: metrics['time/sampleAndCorrect']!, result };
  });
}

try {
  const [paid, instant] = await policy.runUntil(
    Promise.all([iteration('paid', 'openai'), iteration('instant', 'solver')]),
  );
  const { calls, requests, seconds, slowestSeconds } = paid.result.corrector;
  const serial = steps * (roundSeconds + updateSecondsPerStep + seconds / calls);
  const line = (name: string, value: string) => console.log(`${name.padEnd(46)} ${value}`);
  line('environments, kept steps', `${environments}, ${steps}`);
  line('policy: a round, update per step', `${roundSeconds.toFixed(2)} s, ${updateSecondsPerStep.toFixed(2)} s`);
  line('corrector: thoughts asked about, requests', `${calls}, ${requests}`);
  line('corrector: mean and slowest judgement', `${(seconds / calls).toFixed(2)} s, ${slowestSeconds.toFixed(2)} s`);
  line(
    'iteration, instant corrector',
    `${instant.seconds.toFixed(1)} s (until all is judged: ${instant.sampleAndCorrect.toFixed(1)} s)`,
  );
  line(
    'iteration, this corrector',
    `${paid.seconds.toFixed(1)} s (until all is judged: ${paid.sampleAndCorrect.toFixed(1)} s)`,
  );
  line('this / instant', (paid.seconds / instant.seconds).toFixed(3));
  line('in sequence, as in the original', `${serial.toFixed(1)} s, ${(serial / paid.seconds).toFixed(1)} times this`);
} finally {
  await connection.close();
  await installation.stop();
  await rehearsal.stop();
}
