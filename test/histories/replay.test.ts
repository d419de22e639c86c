/**
 * The recorded histories of every released version continue under the present workflows: a run in flight survives an
 * update of the code. `record.ts` makes those of the present version.
 */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NoopSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry-v2';
import proto from '@temporalio/proto';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { WORKFLOWS_PATH } from '../../workers/orchestrator.ts';

const files = globSync('*/*.history.gz', { cwd: import.meta.dirname });
const read = (file: string) =>
  proto.temporal.api.history.v1.History.decode(gunzipSync(readFileSync(path.join(import.meta.dirname, file))));
const startOf = ({ events }: proto.temporal.api.history.v1.IHistory) =>
  events![0].workflowExecutionStartedEventAttributes!;
const recorded = files.map(read).map((history) => ({ workflowId: startOf(history).workflowId!, history }));

let workflowBundle: WorkflowBundleWithSourceMap;
test.before(async () => {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  workflowBundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS_PATH, logger });
});

test('every workflow is among the recorded ones, continued ones too', (t) => {
  const types = new Set(recorded.map(({ history }) => startOf(history).workflowType!.name!));
  t.deepEqual([...types].sort(), ['correctWave', 'evaluate', 'iteration', 'sft', 'train']);
  t.true(recorded.some(({ history }) => (startOf(history).continuedExecutionRunId ?? '') !== ''));
});

test('the schema library is not in the bundle, which is loaded for each workflow', (t) => {
  t.regex(workflowBundle.code, /configs\/checked-config\.ts/);
  t.notRegex(workflowBundle.code, /node_modules\/zod\//);
});

test.serial('recorded histories are replayed without a difference', async (t) => {
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, recorded)) {
    t.is(error?.message, undefined, workflowId);
    replayed++;
  }
  t.is(replayed, recorded.length);
});

test.serial('runs continue after traces were turned on', async (t) => {
  const resource = resourceFromAttributes({});
  const spanProcessor = new NoopSpanProcessor();
  const plugins = [new OpenTelemetryPlugin({ resource, spanProcessor })];
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowsPath: WORKFLOWS_PATH, plugins },
    recorded,
  ))
    t.is(error?.message, undefined, workflowId);
});

test.serial('a history of other code is detected', async (t) => {
  const history = read(files.find((file) => file.includes('-evaluate-'))!);
  startOf(history).workflowType!.name = 'sft';
  await t.throwsAsync(Worker.runReplayHistory({ workflowBundle }, history, 'evaluated'));
});
