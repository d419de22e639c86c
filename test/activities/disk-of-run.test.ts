/**
 * A run that was started without checks (`temporal workflow start`) is refused by the worker if the disk is too small.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { AgentCache } from '../../activities/agent-cache.ts';
import { createPreparationActivities } from '../../activities/prepare-run.ts';
import { createSupervisedActivities } from '../../activities/train-on-demonstrations.ts';
import { readConfig } from '../../cli/config-file.ts';
import { FAILURES } from '../../configs/failure-types.ts';
import { runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';

const home = mkdtempSync(path.join(tmpdir(), 'gtr-test-'));
const store = new FileStore(path.join(home, 'artifacts'));
const agents = new AgentCache();
const { prepareRun } = createPreparationActivities({ home, store }, agents);
const { prepareSupervised } = createSupervisedActivities({ home, store }, agents);
test.after.always(async () => {
  await agents.close();
  rmSync(home, { recursive: true, force: true });
});

const run = <I, R>(activity: (input: I) => Promise<R>, input: I) =>
  new MockActivityEnvironment().run(activity, input) as Promise<R>;
/** What the activity fails with, once and for all. */
async function refused(t: ExecutionContext, started: Promise<unknown>): Promise<void> {
  const error = await t.throwsAsync(started, {
    message: /^No room: the run takes up to [\d.]+ GB \(.*; free some .*\.$/,
  });
  t.like(error, { type: FAILURES.configuration, nonRetryable: true });
}
const policies = () => readdirSync(home, { recursive: true }).filter((name) => String(name).includes('policy'));

test('a training run', async (t) => {
  const config = readConfig(runConfigSchema, 'smoke', ['envSteps=1000000000000000']);
  await refused(t, run(prepareRun, { config, run: { id: 'large', startedAt: 0 } }));
  t.deepEqual(policies(), []);
  // Lost artifacts are produced again on the disk that the run has filled.
  t.is((await run(prepareRun, { config })).policy.kind, 'policy');
});

test('a supervised start', async (t) => {
  const config = readConfig(sftConfigSchema, 'sft-points24-tiny', ['demonstrations.count=100000000000000']);
  await refused(t, run(prepareSupervised, { config, out: home }));
});
