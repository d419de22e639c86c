/**
 * Histories stay short and payloads small at the paper's sizes; runs work on a server that does not know the product's
 * search attributes.
 */
import test from 'ava';
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import type { TrainResult } from '../../core/records/train-result.ts';
import type { Progress } from '../../workflows/run-contract.ts';
import { stepsPerSegment } from '../../workflows/sft.ts';
import type { train } from '../../workflows/train.ts';
import { type HistorySize, measureHistories } from './measure-histories.ts';
import { type StandInPlay, type StandInServer, startServer, withStandIns } from './stand-ins.ts';

/** Limits that no execution may reach: Temporal itself warns at 10,240 events; activities refuse results of 64 KiB. */
const MOST_EVENTS = 10_000;
const LARGEST_PAYLOAD = 64 * 1024;

let server: StandInServer;
test.before(async () => {
  server = await startServer();
});
test.after.always(() => server?.stop());

/** The schema's defaults are the paper's numbers: 15,000 steps, 1,024 an iteration, 64 environments, 4 epochs. */
const paper = (changes: object = {}): RunConfig =>
  parseConfig(
    runConfigSchema,
    {
      title: 'GTR on Points24',
      environment: { name: 'points24' },
      model: { base: 'models/points24-tiny', prompt: 'points24-tiny' },
      ...changes,
    },
    'test',
  );

async function run(
  workflowId: string,
  config: RunConfig,
  keptPerWave: number,
  play: Partial<StandInPlay> = {},
  during: () => Promise<void> = async () => {},
): Promise<HistorySize[]> {
  return await withStandIns(server, workflowId, { keptPerWave, ...play }, async () => {
    const handle = await server.client.workflow.start<typeof train>('train', {
      workflowId,
      taskQueue: workflowId,
      args: [config],
    });
    await during();
    const result = await handle.result();
    const iterations = Math.ceil(config.envSteps / config.rollout.envStepsPerIteration);
    if (result.iterations !== iterations) throw new Error(`${result.iterations} iterations instead of ${iterations}`);
    return await measureHistories(server.client, workflowId);
  });
}

function most(sizes: readonly HistorySize[], type: string): number {
  return Math.max(...sizes.filter((size) => size.type === type).map(({ events }) => events));
}

test.serial('15,000 steps in iterations of 1,024, continued as new', async (t) => {
  const sizes = await run('paper', paper({ evaluation: { everyIterations: 5 } }), 512);
  t.is(sizes.filter(({ type }) => type === 'train').length, 2); // 15 iterations, 10 an execution
  t.is(sizes.filter(({ type }) => type === 'iteration').length, 15);
  for (const { workflowId, events, largestPayload } of sizes) {
    t.true(events < MOST_EVENTS, `${workflowId}: ${events} events`);
    t.true(largestPayload < LARGEST_PAYLOAD, `${workflowId}: ${largestPayload} bytes`);
  }
  t.true(most(sizes, 'train') < 400, `${most(sizes, 'train')} events of train`);
});

test.serial('the worst iteration: every episode is cut after its first step', async (t) => {
  const sizes = await run('worst', paper({ envSteps: 1024, evaluation: { episodes: 0 } }), 64);
  t.true(
    most(sizes, 'iteration') > 2 * 3 * (1024 / 64) && most(sizes, 'iteration') < 1000,
    `${most(sizes, 'iteration')} events of iteration`,
  );
  t.true(sizes.every(({ largestPayload }) => largestPayload < LARGEST_PAYLOAD));
});

test('a supervised training of any length has at most 1,000 segments, each of six events', (t) => {
  t.is(stepsPerSegment(3125), 100);
  t.is(stepsPerSegment(100_001), 101);
  t.is(Math.ceil(5_000_000 / stepsPerSegment(5_000_000)), 1000);
});

test.serial('a paid wave of 1,280 thoughts continues as a new execution before its history is long', async (t) => {
  const sizes = await run(
    'paid',
    paper({ envSteps: 1024, evaluation: { episodes: 0 }, corrector: { teacher: 'openai', budgetUsd: 11 } }),
    1280,
    { thoughtsPerEpisode: 20 },
  );
  for (const { workflowId, events, largestPayload } of sizes) {
    t.true(events < MOST_EVENTS, `${workflowId}: ${events} events`);
    t.true(largestPayload < LARGEST_PAYLOAD, `${workflowId}: ${largestPayload} bytes`);
  }
  const waves = sizes.filter(({ type }) => type === 'correctWave');
  t.true(
    waves.length > 1 && waves.reduce((sum, { events }) => sum + events, 0) > 3 * 1280,
    `${waves.length} executions`,
  ); // three events a thought at least
  const { corrector } = (await server.client.workflow.getHandle<typeof train>('paid').result()) as TrainResult;
  t.is(corrector.calls, 1280);
  t.is(Math.round(corrector.costUsd! * 10_000), 78 * 1280); // below the budget
});

test.serial('thoughts are judged while their wave is sampled', async (t) => {
  const judged = Promise.withResolvers<void>();
  const play = {
    thoughtsPerEpisode: 20,
    parts: 20,
    // the second is sampled once a thought of the first is judged
    onPart: async (part: number) => (part === 1 ? undefined : await judged.promise),
    onThought: async () => judged.resolve(),
  };
  const sizes = await run(
    'parts',
    paper({ envSteps: 1024, evaluation: { episodes: 0 }, corrector: { teacher: 'openai' } }),
    1280,
    play,
  );
  for (const { workflowId, events, largestPayload } of sizes) {
    t.true(events < MOST_EVENTS, `${workflowId}: ${events} events`);
    t.true(largestPayload < LARGEST_PAYLOAD, `${workflowId}: ${largestPayload} bytes`);
  }
  const { corrector } = (await server.client.workflow.getHandle<typeof train>('parts').result()) as TrainResult;
  t.is(corrector.calls, 1280);
});

test.serial('if the teacher keeps fewer steps than estimated, more of the last wave is judged', async (t) => {
  // Needed 1,024. Wave 0: likely 700, kept 600. Wave 1: judged for 1,024 - 700 = 324 steps, then for 1,024 - 600 = 424.
  const sizes = await run(
    'further',
    paper({ envSteps: 1024, evaluation: { episodes: 0 }, corrector: { teacher: 'openai' } }),
    600,
    { likelyPerWave: 700 },
  );
  const waves = sizes.flatMap(({ workflowId, type }) => (type === 'correctWave' ? [workflowId] : []));
  t.deepEqual(waves.sort(), ['further/iteration-0/wave-0', 'further/iteration-0/wave-1', 'further/iteration-0/wave-1']);
  t.is(
    ((await server.client.workflow.getHandle<typeof train>('further').result()) as TrainResult).corrector.calls,
    2 * 64,
  ); // a thought an episode, each once
});

test.serial(
  'changed settings apply from the next iteration on and are carried on; invalid ones are refused',
  async (t) => {
    const handle = server.client.workflow.getHandle('set');
    const set = (changes: object) =>
      handle.executeUpdate<Record<string, unknown>, [object]>('set', { args: [changes] });
    await run('set', paper({ envSteps: 12 * 1024, evaluation: { episodes: 0 } }), 1024, {}, async () => {
      await handle.signal('pause');
      // answers although the signal may have come before the run's first step
      t.is((await handle.query<Progress>('progress')).iteration, 0);
      const refused = async (changes: object) => ((await t.throwsAsync(set(changes)))!.cause as Error).message;
      t.is(await refused({ 'optimizer.lr': -1 }), 'set: optimizer.lr: Too small: expected number to be >0.');
      t.regex(
        await refused({ seed: 2 }),
        /^set: seed cannot be changed while a run is going on; these can: envSteps, /,
      );
      t.is(await refused({ 'optimizer.lr': 1e-12 }), 'set: optimizer.lrEnd: must not exceed optimizer.lr (1e-12).');
      t.like(await set({ 'optimizer.lr': 2e-5, 'evaluation.episodes': 0 }), {
        'optimizer.lr': 2e-5,
        envSteps: 12 * 1024,
      });
      await handle.signal('resume');
    });
    const updates = [];
    for (const iteration of [0, 1, 11]) {
      const { events } = await server.client.workflow.getHandle(`set/iteration-${iteration}`).fetchHistory();
      const [payload] = events![0].workflowExecutionStartedEventAttributes!.input!.payloads!;
      updates.push((JSON.parse(Buffer.from(payload.data!).toString()) as { config: RunConfig }).config.optimizer.lr);
    }
    t.is(updates[1], 2e-5);
    t.is(updates[2], 2e-5); // in the second execution
  },
);

test.serial('a run sets no search attributes on a server without them', async (t) => {
  const { searchAttributes } = await server.client.workflow.getHandle('paper').describe();
  t.deepEqual(
    Object.keys(searchAttributes).filter((name) => name.startsWith('Gtr')),
    [],
  );
});
