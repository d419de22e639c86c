/** Waves that several GPU workers sample at once (`parallel.waves`): none waits for another unnecessarily. */
import test from 'ava';
import type { train } from '../../workflows/train.ts';
import { type StandInServer, standInConfig, startServer, withStandIns } from './stand-ins.ts';

let server: StandInServer;
test.before(async () => {
  server = await startServer();
});
test.after.always(() => server?.stop());

/** An event that somebody waits for. */
function event(): { came: Promise<void>; come: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { came: promise, come: resolve };
}

test('whichever wave is done makes room for the next; thoughts are measured beside the last ones', async (t) => {
  // Four waves an iteration; the second iteration knows that beforehand.
  const config = standInConfig({ envSteps: 2048, parallel: { waves: 2 } });
  const [fourth, measured] = [event(), event()];
  const begun: number[] = [];
  const atOnce = { now: 0, most: 0 };
  const onPart = async (_part: number, wave: number) => {
    begun.push(wave);
    atOnce.most = Math.max(atOnce.most, ++atOnce.now);
    if (begun.length > 4) {
      // Wave 0 is as slow as all others together; the last one ends behind the measurement that needs wave 0.
      if (wave === 3) fourth.come();
      if (wave === 0) await fourth.came;
      if (wave === 3) await measured.came;
    }
    atOnce.now--;
  };
  let measurements = 0;
  const onMeasure = () => {
    if (++measurements === 2) measured.come();
  };
  await withStandIns(server, 'at-once', { keptPerWave: 256, onPart, onMeasure }, async () => {
    const { client } = server;
    const run = { workflowId: 'at-once', taskQueue: 'at-once', args: [config] as [typeof config] };
    await client.workflow.execute<typeof train>('train', run);
  });
  t.deepEqual(begun.slice(4, 6).toSorted(), [0, 1]); // at once: either may be heard of first
  t.deepEqual(begun.slice(6), [2, 3]);
  t.is(atOnce.most, 2);
  t.is(measurements, 2); // once an iteration
});
