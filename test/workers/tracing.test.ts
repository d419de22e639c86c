/** OpenTelemetry traces of a whole run, received as a collector receives them (OTLP over HTTP). */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { Worker } from '@temporalio/worker';
import { type Installation, SMALLEST, startInstallation, withClient } from '../../bench/harness/installation.ts';
import { WORKFLOWS_PATH } from '../../workers/orchestrator.ts';
import { tracing } from '../../workers/tracing.ts';
import type { train } from '../../workflows/train.ts';
import { gtr } from '../cli/gtr.ts';

type Span = { traceId: string; spanId: string; parentSpanId?: string; name: string; service: string };
type Received = {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Omit<Span, 'service'>[] }[];
  }[];
};

const spans: Span[] = [];
let collector: Server;
let installation: Installation;
test.before(async () => {
  collector = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as Received;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
      spans.push(...scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, service }))));
    }
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  installation = await startInstallation();
});
test.after.always(async () => {
  await installation?.stop();
  collector?.close();
});

test.serial('a run is one trace, from the command to the activities of its iterations', async (t) => {
  const started = await gtr(['train', '--config', 'smoke', '--id', 'traced', ...SMALLEST]);
  t.is(started.code, 0, started.err);
  const history = await withClient(async (client) => {
    const handle = client.workflow.getHandle<typeof train>('traced');
    await handle.result();
    return await handle.fetchHistory();
  });
  await installation.supervisor.stop(); // workers send what they have before they leave

  const named = (name: string) => spans.filter((span) => span.name === name);
  const [start] = named('StartWorkflow:train');
  t.is(start.service, 'gtr');
  const trace = spans.filter(({ traceId }) => traceId === start.traceId);
  const services = (name: string) => [...new Set(trace.filter((span) => span.name === name).map((s) => s.service))];
  t.deepEqual(
    spans.filter(({ name }) => /^(Describe|Query|HandleQuery)/.test(name)),
    [],
  );
  t.deepEqual(services('RunWorkflow:train'), ['gtr-orchestrator']);
  t.deepEqual(services('RunWorkflow:iteration'), ['gtr-orchestrator']);
  t.deepEqual(services('RunActivity:updatePolicy'), ['gtr-gpu']);
  const byId = new Map(trace.map((span) => [span.spanId, span]));
  for (const span of trace) if (span !== start) t.true(byId.has(span.parentSpanId ?? ''), span.name);

  // A traced run continues on a worker without tracing.
  await t.notThrowsAsync(Worker.runReplayHistory({ workflowsPath: WORKFLOWS_PATH }, history, 'traced'));
});

test.serial('a collector that is away holds nothing up', async (t) => {
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:9';
  const { plugins, close } = await tracing('gtr');
  t.is(plugins.length, 1);
  t.deepEqual((await gtr(['runs'])).err, '');
  await close();
});

test.serial('without an endpoint there are no traces', async (t) => {
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  t.deepEqual((await tracing('gtr')).plugins, []);
});
