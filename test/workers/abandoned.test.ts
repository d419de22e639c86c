/** A worker process that is still starting exits with its supervisor, and when it is told to. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { PROJECT } from '../../configs/project-folder.ts';

/** A server that accepts connections and says nothing: a worker waits for it while it starts. */
const silent = createServer();
test.before(async () => {
  await once(silent.listen(0, '127.0.0.1'), 'listening');
});
test.after.always(() => void silent.close());

for (const [what, leave] of [
  ['its supervisor was killed', (child) => child.disconnect()],
  ['it gets SIGTERM', (child) => child.kill('SIGTERM')],
] as const satisfies [string, (child: ReturnType<typeof fork>) => void][])
  test.serial(`${what} while it waits for the server`, async (t) => {
    const child = fork(path.join(PROJECT, 'workers/corrector.ts'), {
      env: {
        ...process.env,
        GTR_HOME: mkdtempSync(path.join(tmpdir(), 'gtr-test-')),
        TEMPORAL_ADDRESS: `127.0.0.1:${(silent.address() as AddressInfo).port}`,
      },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [socket] = (await once(silent, 'connection')) as [Socket];
    leave(child);
    t.deepEqual(await once(child, 'exit'), [1, null]);
    socket.destroy();
  });
