/** A running installation is found, whatever its workers are doing. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { workersAnswer } from '../../cli/workers-answer.ts';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { startServer, withStandIns } from '../workflows/stand-ins.ts';

test('a GPU worker counts while its activity runs longer than the server remembers its polling', async (t) => {
  // By default the server remembers for five minutes who polled, and lets one wait for a minute.
  const settings = ['matching.PollerHistoryTTL="3s"', 'matching.longPollExpirationInterval="1s"'];
  const server = await startServer(settings.flatMap((setting) => ['--dynamic-config-value', setting]));
  process.env.TEMPORAL_ADDRESS = server.environment.address;
  try {
    t.false(await workersAnswer()); // a server alone
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const onPart = async () => {
      begin();
      await released;
    };
    const config = parseConfig(
      runConfigSchema,
      {
        environment: { name: 'points24' },
        model: { base: 'models/points24-tiny', prompt: 'points24-tiny' },
        envSteps: 64,
        rollout: { envStepsPerIteration: 64 },
        evaluation: { episodes: 0 },
      },
      'test',
    );
    const play = async () => {
      const run = await server.client.workflow.start('train', { workflowId: 'long', taskQueue: 'gtr', args: [config] });
      await begun;
      while (await isPolled()) await sleep(100);
      const found = await workersAnswer();
      release();
      await run.result();
      t.true(found);
    };
    await withStandIns(server, 'gtr', { keptPerWave: 64, onPart }, play, { maxConcurrentActivityTaskExecutions: 1 });
  } finally {
    await server.stop();
  }

  async function isPolled(): Promise<boolean> {
    const { pollers } = await server.client.workflowService.describeTaskQueue({
      namespace: 'default',
      taskQueue: { name: 'gpu' },
      taskQueueType: 2,
    });
    return pollers.length > 0;
  }
});
