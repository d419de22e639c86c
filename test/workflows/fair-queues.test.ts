/** Runs that wait on one queue take turns, whoever came first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import test from 'ava';
import type { Progress } from '../../workflows/run-contract.ts';
import type { train } from '../../workflows/train.ts';
import { standInConfig, startServer, withStandIns } from './stand-ins.ts';

const THOUGHTS = 64; // one of each episode of a wave

test('thoughts of two runs are handed out in turn, not in the order of arrival', async (t) => {
  const server = await startServer(['--dynamic-config-value', 'matching.enableFairness=true']);
  const order: string[] = [];
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const onThought = async () => {
    order.push(activityInfo().workflowExecution!.workflowId.split('/')[0]);
    await released;
  };
  try {
    const config = standInConfig({ corrector: { teacher: 'openai' } });
    await withStandIns(server, 'fair', { keptPerWave: 1024, onThought, thoughtsAtOnce: 1 }, async () => {
      const options = (workflowId: string) => ({ workflowId, taskQueue: 'fair', args: [config] as [unknown] });
      // The late one is prepared, which asks after the teacher on the same queue, and waits until all thoughts of the
      // early one do.
      const late = await server.client.workflow.signalWithStart<typeof train, []>('train', {
        ...options('late'),
        signal: 'pause',
      });
      await until(async () => (await late.query<Progress>('progress')).phase.startsWith('iteration'));
      const early = await server.client.workflow.start<typeof train>('train', options('early'));
      await until(async () => (await pending('early/iteration-0/wave-0')) === THOUGHTS);
      await late.signal('resume');
      await until(async () => (await pending('late/iteration-0/wave-0')) === THOUGHTS);
      release();
      await Promise.all([early.result(), late.result()]);
    });
    const first = order.slice(0, THOUGHTS); // in the order of arrival these would all be of the early run
    t.is(order.length, 2 * THOUGHTS);
    t.true(first.filter((run) => run === 'late').length > THOUGHTS / 4, first.join(' '));
  } finally {
    await server.stop();
  }

  async function until(reached: () => Promise<boolean>): Promise<void> {
    while (!(await reached())) await sleep(100);
  }

  async function pending(workflowId: string): Promise<number> {
    const described = await server.client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => null);
    return described?.raw.pendingActivities?.length ?? 0;
  }
});
