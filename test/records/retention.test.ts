/** Which weights of finished iterations stay, and that the others are removed from the store. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { RunConfig } from '../../configs/schema.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { copyRecord, goesOnWith, iterationOwner, letGo, weightsOf } from '../../core/records/retention.ts';
import { type IterationRecord, putIterationRecord, readRunRecords } from '../../core/records/run-records.ts';
import { CONFIG } from '../report/synthetic-run.ts';

const newStore = () => new FileStore(mkdtempSync(path.join(tmpdir(), 'gtr-retention-')));
const configured = (changes: Partial<RunConfig>, checkpoints: Partial<RunConfig['checkpoints']>): RunConfig => ({
  ...CONFIG,
  ...changes,
  checkpoints: { ...CONFIG.checkpoints, ...checkpoints },
});
const turbo = (interval: number, until: number | null = null) => ({
  algorithm: 'gtr-turbo-kl' as const,
  turbo: { ...CONFIG.turbo, merge: { ...CONFIG.turbo.merge, interval, until } },
});

/** Records iterations as a run does, each with its own weights; the teacher is a new one every `interval`. */
async function record(store: FileStore, run: string, iterations: number, config: RunConfig) {
  const { interval } = config.turbo.merge;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const owner = iterationOwner(run, iteration);
    const put = (kind: string, name: string | number) => store.putHeld(owner, kind, Buffer.from(`${kind} ${name}`));
    const finished: IterationRecord = {
      iteration,
      startedAt: iteration,
      config,
      from: iteration === 0 ? '' : (await readRunRecords(store, run)).iterations.at(-1)!.policy.sha256,
      policy: await put('policy', iteration),
      optimizer: await put('optimizer', iteration),
      corrections: await store.put('corrections', Buffer.from('none')),
      samples: await store.put('samples', Buffer.from('none')),
      waves: [],
      keptPerWave: 1,
      teacher: { policy: await put('policy', `teacher ${Math.floor(iteration / interval)}`), checkpoints: iteration },
      metrics: {},
    };
    await putIterationRecord(store, run, finished);
    await letGo(store, run, await readRunRecords(store, run), config);
  }
  return (await readRunRecords(store, run)).iterations;
}

/** For each iteration those of `p`, `o` and `t` that exist; throws if a record says something else. */
async function there(store: FileStore, iterations: readonly IterationRecord[]): Promise<string[]> {
  return await Promise.all(
    iterations.map(async (one) => {
      const found = await Promise.all(weightsOf(one).map((ref) => store.has(ref)));
      weightsOf(one).forEach(({ removed }, index) => {
        if (!removed !== found[index]) throw new Error(`iteration ${one.iteration}: ${index}`);
      });
      return ['p', 'o', 't'].filter((_, index) => found[index]).join('');
    }),
  );
}

test('the last iterations and every so many stay whole', async (t) => {
  const store = newStore();
  const iterations = await record(store, 'run', 8, configured(turbo(1), { keepLast: 2, keepEvery: 3 }));
  t.deepEqual(await there(store, iterations), ['', '', 'pot', '', '', 'pot', 'pot', 'pot']);
  t.is((await Array.fromAsync(store.list())).length, 4 * 3 + 1); // and what all share
});

test('what the next teacher is merged of stays with each iteration that a run goes on from', async (t) => {
  const store = newStore();
  // Merges before iterations 0, 4, 8: after 4 iterations of 0 to 3, after 7 of those of 4 to 6 and the 8th.
  const iterations = await record(store, 'run', 7, configured(turbo(4), { keepLast: 1, keepEvery: 4 }));
  t.deepEqual(await there(store, iterations), ['pt', 'pt', 'pt', 'pot', 'pt', 'pt', 'pot']);
  t.deepEqual(
    goesOnWith(iterations, 4, iterations[3].config).filter(({ removed }) => removed),
    [],
  );
});

test('a teacher that is merged no more needs no policies; one that several iterations share stays once', async (t) => {
  const store = newStore();
  const iterations = await record(store, 'run', 5, configured(turbo(4, 0), { keepLast: 1 }));
  t.deepEqual(await there(store, iterations), ['', '', '', '', 'pot']);
});

test('a fork holds teachers too: the other run lets go for itself', async (t) => {
  const store = newStore();
  const config = configured(turbo(1), { keepLast: 1 });
  const iterations = await record(store, 'run', 2, config);
  const copies: IterationRecord[] = [];
  for (const one of iterations) copies.push(await copyRecord(store, one, 'fork'));
  for (const { run, slot, ref } of await store.holds('run')) await store.release({ run, slot }, ref);
  t.deepEqual(await there(store, copies), ['', 'pot']);
});
