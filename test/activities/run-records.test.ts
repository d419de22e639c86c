/** Records of a run: the chain of its iterations, and rebuilding its folder on any machine. */
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readMetrics } from '../../core/records/run-records.ts';
import {
  type IterationRecord,
  putEvaluationRecord,
  putIterationRecord,
  readRunRecords,
  runFolder,
  writeRunFolder,
} from '../../core/records/run-records.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { CONFIG, evaluationOf } from '../report/synthetic-run.ts';

const folder = (name: string) => mkdtemp(path.join(tmpdir(), `gtr-${name}-`));
const ref = (kind: string, name: string) => ({
  sha256: Buffer.from(name).toString('hex').padStart(64, '0'),
  bytes: 1,
  kind,
});
/** Iteration `iteration` from policy `from` to policy `to`. */
const record = (iteration: number, from: string, to: string, loss = 0): IterationRecord => ({
  iteration,
  startedAt: 1000 * iteration,
  config: CONFIG,
  from: ref('policy', from).sha256,
  policy: ref('policy', to),
  optimizer: ref('optimizer', to),
  corrections: ref('corrections', to),
  samples: ref('samples', to),
  waves: [],
  keptPerWave: 1,
  metrics: { 'loss/ppo': loss },
});

test('iterations come in order, each once, even if written twice', async (t) => {
  const store = new FileStore(await folder('store'));
  for (let iteration = 11; iteration >= 0; iteration--)
    await putIterationRecord(store, 'run', record(iteration, `p${iteration}`, `p${iteration + 1}`));
  await putIterationRecord(store, 'run', record(3, 'p3', 'p4'));
  await putIterationRecord(store, 'run/iteration', record(0, 'p0', 'other'));
  t.deepEqual(
    (await readRunRecords(store, 'run')).iterations.map(({ iteration }) => iteration),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
});

test('after a reset the dropped iterations do not count', async (t) => {
  const store = new FileStore(await folder('store'));
  for (const [iteration, from, to] of [
    [0, 'a', 'b'],
    [1, 'b', 'c'],
    [2, 'c', 'd'],
    [3, 'd', 'e'],
  ] as const)
    await putIterationRecord(store, 'run', record(iteration, from, to));
  await putIterationRecord(store, 'run', record(1, 'b', 'x'));
  t.deepEqual(
    (await readRunRecords(store, 'run')).iterations.map(({ policy }) => policy),
    [ref('policy', 'b'), ref('policy', 'x')],
  );
});

test('a run that was forked at iteration 5 begins there', async (t) => {
  const store = new FileStore(await folder('store'));
  await putIterationRecord(store, 'fork', record(5, 'f', 'g'));
  await putIterationRecord(store, 'fork', record(6, 'g', 'h'));
  t.deepEqual(
    (await readRunRecords(store, 'fork')).iterations.map(({ iteration }) => iteration),
    [5, 6],
  );
});

test('any machine rebuilds the folder of a run; files of dropped iterations are removed', async (t) => {
  const [store, home] = [new FileStore(await folder('store')), await folder('home')];
  const run = 'team/run 1';
  await putIterationRecord(store, run, record(0, 'a', 'b', 0.5));
  await putEvaluationRecord(store, run, 'start', evaluationOf(0.14));
  await putIterationRecord(store, run, record(1, 'b', 'c', 0.25));
  await writeRunFolder(store, home, run);
  await putIterationRecord(store, run, record(0, 'a', 'x', 0.75));
  await writeRunFolder(store, home, run);
  const lines = await readMetrics(path.join(runFolder(home, run), 'metrics.jsonl'));
  t.deepEqual(lines, [{ iteration: 0, metrics: { 'loss/ppo': 0.75 }, samples: ref('samples', 'x') }]);
  t.deepEqual(
    JSON.parse(await readFile(path.join(runFolder(home, run), 'evaluation-start.json'), 'utf8')),
    evaluationOf(0.14),
  );
  t.deepEqual(await readdir(path.join(home, 'runs')), ['team%2Frun%201']);
});

test('no run id leads out of the folder of runs', (t) => {
  for (const id of ['..', '.', '../../etc', '/etc']) t.is(path.dirname(runFolder('/home/gtr', id)), '/home/gtr/runs');
});
