/**
 * A run that began on workers of an older build: its iteration ends there, the next one runs on the new build's code.
 */
import test from 'ava';
import { versioning } from '../../workers/run-worker.ts';
import type { train } from '../../workflows/train.ts';
import { standInConfig, startServer, withStandIns } from './stand-ins.ts';

const OLDER_WORKFLOWS = new URL('./older-build.ts', import.meta.url).pathname;
const QUEUE = 'builds';

test('an iteration ends on the build that began it; the run moves to the new build between iterations', async (t) => {
  const server = await startServer();
  const { workflowService } = server.client;
  /** Resolves when its workers have registered with the server. */
  const makeCurrent = async (buildId: string) => {
    for (;;) {
      const answer = await workflowService
        .setWorkerDeploymentCurrentVersion({ namespace: 'default', deploymentName: 'gtr', buildId })
        .catch(() => null);
      if (answer !== null) return;
    }
  };
  const sampling = Promise.withResolvers<void>();
  const renewed = Promise.withResolvers<void>();
  const onPart = async () => {
    sampling.resolve();
    await renewed.promise;
  };
  const config = standInConfig({ envSteps: 3 * 1024 });
  const build = (buildId: string) => ({ ...versioning(buildId), identity: buildId });
  try {
    await withStandIns(
      server,
      QUEUE,
      { keptPerWave: 1024, onPart, workflowsPath: OLDER_WORKFLOWS },
      async () => {
        await makeCurrent('older');
        const run = await server.client.workflow.start<typeof train>('train', {
          workflowId: 'run',
          taskQueue: QUEUE,
          args: [config],
        });
        await sampling.promise; // the first iteration has begun
        await withStandIns(
          server,
          QUEUE,
          { keptPerWave: 1024 },
          async () => {
            await makeCurrent('newer');
            renewed.resolve();
            t.is((await run.result()).iterations, 3);
          },
          build('newer'),
        );
      },
      build('older'),
    );

    const iterations = await Promise.all([0, 1, 2].map((iteration) => buildsOf(`run/iteration-${iteration}`)));
    t.deepEqual(iterations, [
      { builds: ['older'], timers: 1 },
      { builds: ['newer'], timers: 0 },
      { builds: ['newer'], timers: 0 },
    ]);
    t.deepEqual((await buildsOf('run')).builds, ['older', 'newer']);
  } finally {
    await server.stop();
  }

  /** Whose workers did what in a workflow, activities included, in order of appearance. */
  async function buildsOf(workflowId: string): Promise<{ builds: string[]; timers: number }> {
    const { events } = await server.client.workflow.getHandle(workflowId).fetchHistory();
    const identities = events!.flatMap(
      (event) =>
        event.workflowTaskCompletedEventAttributes?.identity ??
        event.activityTaskStartedEventAttributes?.identity ??
        [],
    );
    return {
      builds: [...new Set(identities)],
      timers: events!.filter((event) => event.timerStartedEventAttributes).length,
    };
  }
});
