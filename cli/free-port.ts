/** A free port of this machine. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The Web UI's port is the server's plus this. */
const UI_ABOVE = 1000;

/** A free port whose successor by 1000 (the Web UI's) is free too. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await freeAt(0);
    if (port !== null && port + UI_ABOVE < 2 ** 16 && (await freeAt(port + UI_ABOVE)) !== null) return port;
  }
}

/** The port itself, for 0 any free one; null if it is taken. */
async function freeAt(port: number): Promise<number | null> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return null;
  }
  const { port: found } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return found;
}
