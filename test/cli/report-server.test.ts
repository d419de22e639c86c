/** The page of a run follows it, and is there for this machine alone. */
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { freePort } from '../../cli/free-port.ts';
import { reportLink, serveReports } from '../../cli/report-server.ts';
import { putJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { putIterationRecord, putRunOutcome, putRunStart } from '../../core/records/run-records.ts';
import { CONFIG, metricsOf, SAMPLES } from '../report/synthetic-run.ts';

const home = mkdtempSync(path.join(tmpdir(), 'gtr-page-'));
const store = new FileStore(path.join(home, 'artifacts'));
const RUN = 'a run & more';
let server: Server;

test.before(async () => {
  process.env.GTR_HOME = home;
  process.env.TEMPORAL_ADDRESS = `127.0.0.1:${await freePort()}`;
  server = (await serveReports(null))!;
  await putRunStart(store, RUN, { config: CONFIG, startedAt: 0 });
});
test.after.always(() => server?.close());

async function putIteration(iteration: number): Promise<void> {
  const ref = await putJson(store, 'stand-in', { iteration });
  const samples = await putJson(store, 'samples', SAMPLES);
  await putIterationRecord(store, RUN, {
    iteration,
    startedAt: 0,
    config: CONFIG,
    from: iteration === 0 ? 'first' : (await putJson(store, 'stand-in', { iteration: iteration - 1 })).sha256,
    policy: ref,
    optimizer: ref,
    corrections: ref,
    samples,
    waves: [],
    keptPerWave: 100,
    metrics: metricsOf(iteration, 12),
  });
}

const page = async (link = reportLink(RUN)) => {
  const answer = await fetch(link);
  return { status: answer.status, text: await answer.text() };
};

test.serial('the page exists before the first iteration ends, and grows', async (t) => {
  t.regex((await page()).text, /No iteration is done yet\./);
  await putIteration(0);
  const first = (await page()).text;
  t.regex(first, /<h3>Iteration 1<\/h3>/);
  t.regex(first, /class="status running"/);
  await putIteration(1);
  await putRunOutcome(store, RUN, { status: 'canceled', failure: null, iterations: 2, result: null });
  const second = (await page()).text;
  t.regex(second, /<h3>Iteration 2<\/h3>/);
  t.regex(second, /class="status canceled"/);
  t.regex(second, /script-src &#39;self&#39;; connect-src &#39;self&#39;/);
  t.regex((await page(new URL('/follow.js', reportLink()).href)).text, /DOMParser/);
  const list = (await page(reportLink())).text;
  t.regex(list, /<a href="\/runs\/a%20run%20%26%20more">a run &amp; more<\/a>.*class="status canceled".*>2 of \d+</);
  t.regex(list, /script src="\/follow\.js"/);
});

test.serial('nothing else is answered, and no page of another name', async (t) => {
  t.is((await page(reportLink('nothing'))).status, 404);
  for (const path of ['/runs/%', '/runs/', '/../etc/passwd', '/runs/..%2F..']) {
    const { port } = server.address() as { port: number };
    const sent = request({ port, host: '127.0.0.1', path, headers: { host: 'localhost' } }).end();
    const [{ statusCode }] = (await once(sent, 'response')) as [{ statusCode: number }];
    t.is(statusCode, 404, path);
  }
  const sent = request(reportLink(RUN), { headers: { host: 'evil.example' } }).end();
  t.is(((await once(sent, 'response')) as [{ statusCode: number }])[0].statusCode, 403);
  t.is((server.address() as { address: string }).address, '127.0.0.1');
});
