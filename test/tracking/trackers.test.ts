/** What trackers are sent over the wire, and what becomes of servers that answer wrongly. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import test from 'ava';
import type { TrackerName } from '../../configs/trackers.ts';
import { openTracker } from '../../core/tracking/open-tracker.ts';
import { trackRun } from '../../core/tracking/track-run.ts';
import { wandbLog } from '../../core/tracking/wandb-log.ts';
import { TrackedRecords } from './tracked-records.ts';

type Asked = { url: string; headers: Record<string, unknown>; body: unknown };

/** A server that keeps what it is asked; `answer`: status and text for a path. */
async function keepingServer(answer: (url: string) => [number, string]): Promise<{ address: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const text = (await request.toArray()).join('');
    asked.push({ url: request.url!, headers: request.headers, body: text === '' ? null : JSON.parse(text) });
    const [status, body] = answer(request.url!);
    response.writeHead(status).end(body);
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function twoIterations(run: string): Promise<TrackedRecords> {
  const records = new TrackedRecords(run);
  await records.start();
  for (const iteration of [0, 1]) await records.iterate(iteration);
  return records;
}

const send = async (records: TrackedRecords, name: TrackerName, env: NodeJS.ProcessEnv) =>
  await trackRun(
    records.store,
    records.run,
    { status: 'running', records: await records.records() },
    { name, tracker: openTracker(name, env, records.home) },
  );

test(
  'MLflow: an experiment is made where there is none, a run found by its ' + 'key, metrics have step and time',
  async (t) => {
    const { address, asked } = await keepingServer((url) => {
      if (url.includes('get-by-name')) return [404, '{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"none"}'];
      if (url.endsWith('experiments/create')) return [200, '{"experiment_id":"7"}'];
      if (url.endsWith('runs/create')) return [200, '{"run":{"info":{"run_id":"abc"}}}'];
      return [200, '{}'];
    });
    const env = { MLFLOW_TRACKING_URI: address.replace('://', '://me:p%40ss@'), MLFLOW_EXPERIMENT_NAME: 'mine' };
    t.is(await send(await twoIterations('r'), 'mlflow', env), 2);
    const urls = asked.map(({ url }) => url.replace('/api/2.0/mlflow/', ''));
    t.deepEqual(urls.slice(0, 4), [
      'experiments/get-by-name?experiment_name=mine',
      'experiments/create',
      'runs/search',
      'runs/create',
    ]);
    t.true(asked.every(({ headers }) => headers.authorization === `Basic ${btoa('me:p@ss')}`));
    const { run_id, metrics } = asked.at(-1)!.body as { run_id: string; metrics: { key: string; step: number }[] };
    t.is(run_id, 'abc');
    t.deepEqual(
      metrics.filter(({ key }) => key === 'corrections/rows').map(({ step }) => step),
      [0, 1],
    );
  },
);

test('Trackio: each point has an id by which the server knows it again', async (t) => {
  const { address, asked } = await keepingServer(() => [200, '{"data":null}']);
  const records = await twoIterations('r');
  await send(records, 'trackio', { TRACKIO_SERVER_URL: `${address}?write_token=secret` });
  const [{ url, headers, body }] = asked;
  t.is(url, '/api/bulk_log');
  t.is(headers['x-trackio-write-token'], 'secret');
  const { logs } = body as { logs: { run: string; step: number; log_id: string; metrics: object }[] };
  t.deepEqual(
    logs.map(({ run, step }) => [run, step]),
    [
      ['r', 0],
      ['r', 1],
    ],
  );
  t.is(new Set(logs.map(({ log_id }) => log_id)).size, 2);
});

for (const [status, body, said] of [
  [200, '<html>login</html>', /answered unlike such a server: <html>login/],
  [200, '[]', /answered unlike such a server/],
  [403, 'forbidden', /answered 403: forbidden/],
  [500, '', /answered 500: nothing/],
] as const)
  for (const name of ['mlflow', 'trackio'] as const)
    test(`${name} that answers ${status} ${body || 'nothing'} is told in a sentence, without the secret`, async (t) => {
      const { address } = await keepingServer(() => [status, body]);
      const env = {
        MLFLOW_TRACKING_URI: address.replace('://', '://me:geheim@'),
        TRACKIO_SERVER_URL: `${address}/?write_token=geheim`,
      };
      const { message } = await t.throwsAsync(send(await twoIterations('r'), name, env));
      t.regex(message, said);
      t.notRegex(message, /geheim/);
    });

test('where a tracker is must be said', (t) => {
  t.throws(() => openTracker('mlflow', {}, '/'), { message: /^MLFLOW_TRACKING_URI is not set/ });
  t.throws(() => openTracker('trackio', { TRACKIO_SERVER_URL: 'localhost:7860' }, '/'), {
    message: /is not an address/,
  });
});

/** The records of a log, each framed as LevelDB does. */
function unframe(log: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let record: Buffer[] = [];
  for (let at = 7; at < log.length;) {
    const left = 32_768 - (at % 32_768);
    if (left < 7) at += left;
    const [sum, length, type] = [log.readUInt32LE(at), log.readUInt16LE(at + 4), log[at + 6]];
    const content = log.subarray(at + 7, at + 7 + length);
    if (crc32(content, crc32(Buffer.from([type]))) !== sum) throw new Error(`wrong checksum at ${at}`);
    record.push(content);
    if (type === 1 || type === 4) records.push(Buffer.concat(record.splice(0)));
    at += 7 + length;
  }
  return record.length === 0 ? records : [];
}

test('W&B: records of any length stand whole in the frames of the log, at every edge of a block', (t) => {
  const run = { id: 'id', name: 'n', project: 'p', entity: null, notes: '', config: {}, startedAt: 0 };
  const edge = (bytes: number) => ({ step: 0, time: 0, values: new Map([['x'.repeat(bytes), 1]]) });
  for (let bytes = 32_500; bytes < 32_760; bytes++) t.is(unframe(wandbLog(run, [edge(bytes), edge(5)], 0)).length, 6);
  const [, large] = unframe(wandbLog(run, [edge(100_000)], null));
  t.is(large.toString('latin1').match(/x+/)![0].length, 100_000);
});

test('W&B: one row a step, an evaluation beside the iteration after it; more rows only append', async (t) => {
  const records = await twoIterations('r');
  await records.evaluate('start', 0.25);
  await send(records, 'wandb', { WANDB_DIR: records.home });
  const folder = path.join(records.home, 'wandb');
  const [offline] = readdirSync(folder);
  t.regex(offline, /^offline-run-20261130_093000-[0-9a-f]{16}$/);
  const file = () => readFileSync(path.join(folder, offline, `run-${offline.slice(-16)}.wandb`));
  const before = file();
  t.is(unframe(before).length, 3); // the run, steps 0 and 1
  t.regex(unframe(before)[1].toString('latin1'), /episode\/success[^]*_step/);
  t.regex(unframe(before)[1].toString('latin1'), /evaluation\/success[^]*_step/);
  await records.iterate(2);
  await send(records, 'wandb', { WANDB_DIR: records.home });
  t.deepEqual(file().subarray(0, before.length), before);
  t.is(unframe(file()).length, 4);
});
