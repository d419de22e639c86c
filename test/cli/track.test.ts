/** `gtr track`: what follows runs may be killed, and the tracker be away: each point comes once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { PROJECT } from '../../configs/project-folder.ts';
import { TrackedRecords } from '../tracking/tracked-records.ts';

type Point = { log_id: string; step: number };

class KeepingTrackio {
  readonly points: Point[] = [];
  readonly #server: Server;
  #told: () => void = () => {};

  constructor() {
    this.#server = createServer(async (request, response) => {
      const { logs } = JSON.parse((await request.toArray()).join('')) as { logs: Point[] };
      const known = new Set(this.points.map(({ log_id }) => log_id));
      this.points.push(...logs.filter(({ log_id }) => !known.has(log_id)));
      response.end('{"data":null}');
      this.#told();
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  async until(count: number): Promise<void> {
    while (this.points.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }
}

function follow(home: string, address: string) {
  const child = spawn(path.join(PROJECT, 'gtr'), ['track', '--follow'], {
    env: { ...process.env, GTR_HOME: home, TEMPORAL_ADDRESS: '127.0.0.1:1', TRACKIO_SERVER_URL: address },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value as string | undefined };
}

test('a run that names a tracker is followed across kills of the follower and outages of the tracker', async (t) => {
  const [records, trackio] = [new TrackedRecords('my-run', 'trackio'), new KeepingTrackio()];
  await records.start();
  await records.iterate(0);
  const port = await trackio.listen();
  t.teardown(() => trackio.close());
  const address = `http://127.0.0.1:${port}`;

  const away = follow(records.home, 'http://127.0.0.1:9');
  t.regex(
    (await away.line())!,
    /^my-run is not shown by trackio for now; the run itself continues: http:\/\/127\.0\.0\.1:9/,
  );
  away.child.kill('SIGKILL');
  await once(away.child, 'exit');

  const first = follow(records.home, address);
  t.is(await first.line(), `my-run is shown by trackio: ${address} (project durable-gtr)`);
  await records.iterate(1);
  await trackio.until(2);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  await records.iterate(2);
  const second = follow(records.home, address);
  await trackio.until(3);
  await records.iterate(3);
  second.child.kill('SIGTERM'); // what is new is sent a last time
  const [code] = (await once(second.child, 'exit')) as [number];
  t.is(code, 0);
  t.deepEqual(
    trackio.points.map(({ step }) => step),
    [0, 1, 2, 3],
  );
});
