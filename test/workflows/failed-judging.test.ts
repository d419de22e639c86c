/** A wave that cannot be judged ends its run, whichever wave it is and whoever waits for it. */
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import test from 'ava';
import { FAILURES } from '../../configs/failure-types.ts';
import type { train } from '../../workflows/train.ts';
import { type StandInServer, standInConfig, startServer, withStandIns } from './stand-ins.ts';

const config = standInConfig();

let server: StandInServer;
test.before(async () => {
  server = await startServer();
});
test.after.always(() => server?.stop());

for (const failing of [1, 3])
  test.serial(`wave ${failing} of 4 cannot be judged`, async (t) => {
    let judged = 0;
    const onJudge = () => {
      if (++judged === failing) throw ApplicationFailure.nonRetryable('no expert', FAILURES.configuration);
    };
    const workflowId = `failing-${failing}`;
    await withStandIns(server, workflowId, { keptPerWave: 256, onJudge }, async () => {
      const run = await server.client.workflow.start<typeof train>('train', {
        workflowId,
        taskQueue: workflowId,
        args: [config],
        workflowExecutionTimeout: '60s', // where a promise that nobody awaits was rejected, its task failed for ever
      });
      const error = await t.throwsAsync(run.result(), { instanceOf: WorkflowFailedError });
      t.regex(String(rootOf(error)), /no expert/);
    });
  });

function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  return root;
}
