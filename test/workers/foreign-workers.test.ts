/** Workers that must not work together: of another store, of other code; and runs that belong to another store. */
import os from 'node:os';
import test from 'ava';
import { defaultPayloadConverter } from '@temporalio/common';
import { RunOwnership } from '../../workers/run-ownership.ts';
import { foreignWorker, identityText, type WorkerIdentity } from '../../workers/worker-identity.ts';

const OWN: WorkerIdentity = { pid: process.pid, host: os.hostname(), store: 'store-1', code: 'aaaa' };
const SERVER = { namespace: 'default', address: 'localhost:7233' };

/** The message if a worker of this identity polls the queue of that type; `seconds`: since it was seen last. */
async function saidOf(identity: string, seconds = 0, type = 2): Promise<string | null> {
  const lastAccessTime = { seconds: Math.floor(Date.now() / 1000) - seconds };
  const service = {
    describeTaskQueue: async ({ taskQueueType }: { taskQueueType?: number | null }) =>
      await Promise.resolve({ pollers: taskQueueType === type ? [{ identity, lastAccessTime }] : [] }),
  };
  return await foreignWorker(service as unknown as Parameters<typeof foreignWorker>[0], SERVER, OWN);
}

test('workers of the same store and code, of other programs and of other builds may poll', async (t) => {
  t.is(await saidOf(identityText(OWN)), null);
  t.is(await saidOf('4711@elsewhere'), null);
  t.is(await saidOf(identityText({ ...OWN, code: 'build:2' })), null);
});

test('other code and another store are named, with the process and the queue', async (t) => {
  for (const type of [1, 2]) {
    t.regex(
      (await saidOf(identityText({ ...OWN, code: 'bbbb' }), 0, type))!,
      new RegExp(
        `^process ${process.pid} on .* serves the queue gtr of the server at localhost:7233 and runs other code`,
      ),
    );
    t.regex(
      (await saidOf(identityText({ ...OWN, store: 'store-2' }), 0, type))!,
      /keeps its artifacts in another store/,
    );
  }
});

test('who is gone counts for nothing', async (t) => {
  const gone = { ...OWN, code: 'bbbb', pid: 2 ** 22 + 1 }; // beyond the largest process id
  t.is(await saidOf(identityText(gone)), null);
  const elsewhere = { ...OWN, code: 'bbbb', host: 'elsewhere' };
  t.is(await saidOf(identityText(elsewhere), 100), null);
  t.regex((await saidOf(identityText(elsewhere), 10))!, /on elsewhere serves/);
});

/** What becomes of an activity of the child `my-run/iteration-0`, whose run's memo names `store`. */
async function executed(store: string | undefined): Promise<unknown> {
  const fields = store === undefined ? {} : { GtrStore: defaultPayloadConverter.toPayload(store) };
  const service = {
    describeWorkflowExecution: async ({ execution }: { execution: { workflowId: string } }) =>
      await Promise.resolve({
        workflowExecutionInfo:
          execution.workflowId === 'my-run'
            ? { memo: { fields } }
            : { memo: { fields: {} }, rootExecution: { workflowId: 'my-run' } },
      }),
  };
  const ownership = new RunOwnership(service as unknown as ConstructorParameters<typeof RunOwnership>[0], 'default', {
    id: 'store-1',
    location: '/here',
  });
  const context = { info: { workflowExecution: { workflowId: 'my-run/iteration-0', runId: 'r' } } };
  const { inbound } = ownership.interceptor(context as unknown as Parameters<typeof ownership.interceptor>[0]);
  return await inbound!.execute!({ args: [], headers: {} }, async () => await Promise.resolve('done'));
}

test("an activity of a run of another store is given back, of one's own or of no store it is done", async (t) => {
  t.is(await executed('store-1'), 'done');
  t.is(await executed(undefined), 'done');
  const error = await t.throwsAsync(executed('store-2'));
  t.like(error, { type: 'Worker.Elsewhere', nonRetryable: false });
  t.regex(error.message, /keeps its artifacts in \/here, which is not the store of run my-run\/iteration-0/);
});
