/** Runs that wait on one queue take turns, whoever came first. */
import { activityInfo } from '@temporalio/activity';
import test from 'ava';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import type { train } from '../../workflows/train.ts';
import { startServer, withStandIns } from './stand-ins.ts';

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
    const config = parseConfig(runConfigSchema, { environment: { name: 'points24' }, model: { base: 'models/points24-tiny', prompt: 'points24-tiny' }, envSteps: 1024, evaluation: { episodes: 0 }, corrector: { teacher: 'openai' } }, 'test');
    await withStandIns(server, 'fair', { keptPerWave: 1024, onThought, thoughtsAtOnce: 1 }, async () => {
      const start = async (workflowId: string) => {
        const handle = await server.client.workflow.start<typeof train>('train', { workflowId, taskQueue: 'fair', args: [config] });
        // All its thoughts wait before the other run's are asked.
        for (let waiting = 0; waiting < THOUGHTS; ) waiting = await pending(`${workflowId}/iteration-0/wave-0`);
        return handle;
      };
      const handles = [await start('early'), await start('late')];
      release();
      for (const handle of handles) await handle.result();
    });
    const first = order.slice(0, THOUGHTS); // in the order of arrival these would all be of the early run
    t.is(order.length, 2 * THOUGHTS);
    t.true(first.filter((run) => run === 'late').length > THOUGHTS / 4, first.join(' '));
  } finally {
    await server.stop();
  }

  async function pending(workflowId: string): Promise<number> {
    const described = await server.client.workflow.getHandle(workflowId).describe().catch(() => null);
    return described?.raw.pendingActivities?.length ?? 0;
  }
});
