/** `rollout.ahead`: the next iteration is sampled, with the policy before the update, while an iteration updates. */
import test from 'ava';
import type { PublishMetricsInput } from '../../activities/publish-metrics.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import type { train } from '../../workflows/train.ts';
import { measureHistories } from './measure-histories.ts';
import { type StandInPlay, type StandInServer, startServer, withStandIns } from './stand-ins.ts';

let server: StandInServer;
test.before(async () => {
  server = await startServer();
});
test.after.always(() => server?.stop());

const config = (changes: object = {}): RunConfig =>
  parseConfig(
    runConfigSchema,
    {
      environment: { name: 'points24' },
      model: { base: 'models/points24-tiny', prompt: 'points24-tiny' },
      evaluation: { episodes: 0 },
      ...changes,
      rollout: { ahead: 1 },
    },
    'test',
  );

/** The records of a run's iterations. */
async function records(
  workflowId: string,
  settings: RunConfig,
  play: Partial<StandInPlay> = {},
): Promise<PublishMetricsInput[]> {
  const published: PublishMetricsInput[] = [];
  const all = { keptPerWave: 512, ...play, onPublish: (record: PublishMetricsInput) => published.push(record) };
  await withStandIns(server, workflowId, all, async () => {
    const run = await server.client.workflow.start<typeof train>('train', {
      workflowId,
      taskQueue: workflowId,
      args: [settings],
    });
    await run.result();
  });
  return published;
}

test.serial('each iteration but the first trains on samples of the policy before the last update', async (t) => {
  const published = await records('stale', config({ envSteps: 12 * 1024 })); // continued as new behind the 10th
  t.is(published.length, 12);
  t.deepEqual(
    published.map(({ metrics }) => metrics['rollout/staleness']),
    [0, ...new Array<number>(11).fill(1)],
  );
  for (const [index, { from, waves, ahead }] of published.entries()) {
    const before = published.at(index - 1);
    if (index > 0) t.deepEqual(waves, before!.ahead!.waves);
    t.is(ahead?.sampledBy, index === 11 ? undefined : from);
  }
  const sizes = await measureHistories(server.client, 'stale');
  t.is(sizes.filter(({ type }) => type === 'train').length, 2);
});

test.serial(
  'a paid teacher judges the next iteration while this one updates; each thought is counted once',
  async (t) => {
    const paid = config({ envSteps: 3 * 1024, corrector: { teacher: 'openai', account: 'default', cut: false } });
    const published = await records('paid-ahead', paid);
    t.deepEqual(
      published.map(({ metrics }) => metrics['rollout/staleness']),
      [0, 1, 1],
    );
    t.deepEqual(
      published.map(({ metrics }) => metrics['corrector/calls']),
      published.map(({ waves }) => 64 * waves.length),
    );
    t.is((await server.client.workflow.getHandle<typeof train>('paid-ahead').result()).corrector.calls, 64 * 6);
  },
);

test.serial('the payload of an iteration of very many waves stays small', async (t) => {
  await records('many-waves', config({ envSteps: 2048 }), { keptPerWave: 16 });
  const sizes = await measureHistories(server.client, 'many-waves');
  for (const { workflowId, largestPayload } of sizes)
    t.true(largestPayload < 64 * 1024, `${workflowId}: ${largestPayload} bytes`);
});

test.serial('samples that a changed setting affects are made again', async (t) => {
  let changed = false;
  const published = await records('changed', config({ envSteps: 4 * 1024 }), {
    onPart: async () => {
      // In the first iteration, before any wave is sampled: the second is to sample otherwise.
      if (changed) return;
      changed = true;
      const args: [Record<string, unknown>] = [{ 'rollout.temperature': 0.7, 'optimizer.lr': 0.001 }];
      await server.client.workflow.getHandle('changed').executeUpdate('set', { args });
    },
  });
  t.deepEqual(
    published.map(({ metrics, config: { rollout } }) => [rollout.temperature, metrics['rollout/staleness']]),
    [
      [0.2, 0],
      [0.7, 0],
      [0.7, 1],
      [0.7, 1],
    ],
  );
  t.notDeepEqual(published[1].waves, published[0].ahead!.waves);
});
