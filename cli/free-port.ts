/** A free port of this machine. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A free port whose successor by 1000 (the Web UI's) is a port too. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    if (port < 64_000) return port;
  }
}
