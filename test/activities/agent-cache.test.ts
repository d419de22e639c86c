/** A worker whose model folder contains other files than the run began with returns the run's tasks. */
import test from 'ava';
import { ApplicationFailure } from '@temporalio/common';
import { AgentCache } from '../../activities/agent-cache.ts';
import { runMemo } from '../../activities/run-memo.ts';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';

test('a worker with a different checkpoint of that name refuses the task and says what to do', async (t) => {
  const agents = new AgentCache();
  const config = readConfig(runConfigSchema, 'smoke', ['engine.lanes=1']);
  const own = await agents.modelSha256(await agents.get(config));
  await runMemo.run({ GtrModel: own }, () => t.notThrowsAsync(agents.get(config)));
  const error = await runMemo.run({ GtrModel: '0'.repeat(64) }, () =>
    t.throwsAsync(agents.get(config), { instanceOf: ApplicationFailure }),
  );
  t.is((error as ApplicationFailure).type, 'Worker.Elsewhere');
  t.is((error as ApplicationFailure).nonRetryable, false); // another worker takes it
  t.regex(
    error!.message,
    /models\/points24-tiny from the one that the run began with; put the same files there, or stop this worker/,
  );
  await agents.close();
});
