/** A wave is queued for the GPU while another is sampled, so that the GPU need not wait for the workflow. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { train } from '../../workflows/train.ts';
import { standInConfig, startServer, withStandIns } from './stand-ins.ts';

/**
 * Four waves of 256 kept steps make an iteration of 1,024; in the first, one is judged before it is known how many it
 * takes.
 */
const config = standInConfig();

test(
  'a pause withdraws the waiting wave and lets the running one end; a resume continues with the ' + 'next',
  async (t) => {
    const server = await startServer();
    const open: (() => void)[] = []; // waves that are sampled
    let sampled = 0;
    const onPart = async () => {
      await new Promise<void>((resolve) => open.push(resolve));
      sampled++;
    };
    const release = () => open.shift()!();
    const iteration = server.client.workflow.getHandle('ahead/iteration-0');
    /** Waves that are queued or sampled. */
    const waves = async () =>
      ((await iteration.describe()).raw.pendingActivities ?? []).filter(
        ({ activityType }) => activityType?.name === 'rolloutWave',
      ).length;
    const until = async (reached: () => boolean | Promise<boolean>) => {
      while (!(await reached())) await sleep(20);
    };
    try {
      const play = async () => {
        const run = await server.client.workflow.start<typeof train>('train', {
          workflowId: 'ahead',
          taskQueue: 'ahead',
          args: [config],
        });
        await until(() => open.length === 1); // wave 0
        t.is(await waves(), 1);
        release();
        await until(() => open.length === 1); // wave 1, whose successor is queued as soon as wave 0 is judged
        release();
        // wave 2, and wave 3 in the queue behind it
        await until(async () => open.length === 1 && (await waves()) === 2);

        await run.signal('pause');
        await until(async () => (await waves()) === 1);
        t.is(open.length, 1); // wave 2 is sampled still
        release();
        await until(async () => (await waves()) === 0);
        t.is(sampled, 3);

        await run.signal('resume');
        await until(() => open.length === 1); // wave 3
        release();
        t.is((await run.result()).iterations, 1);
      };
      await withStandIns(server, 'ahead', { keptPerWave: 256, onPart }, play, {
        maxConcurrentActivityTaskExecutions: 1,
      });
    } finally {
      await server.stop();
    }
    t.is(sampled, 4);
  },
);
