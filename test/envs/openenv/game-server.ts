/** A small OpenEnv server of a counting game, as openenv-core 0.3 speaks: for faults that the real one has no switch for. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type GameServer = { url: string; sessions(): number; kill(): void; stop(): void };

/** `sessions`: how many it has; `shift`: added to what it shows, so that servers differ; `dropEvery`: steps. */
export async function startGameServer({ sessions = 64, shift = 0, dropEvery = Infinity } = {}): Promise<GameServer> {
  const sockets = new Set<Socket>();
  let steps = 0;
  const server = createServer().on('upgrade', ({ headers }, socket: Socket) => {
    const accept = createHash('sha1')
      .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    if (sockets.size >= sessions) {
      send(socket, { type: 'error', data: { code: 'CAPACITY_REACHED', message: 'no session left' } });
      return void socket.end();
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    let [count, start] = [0, 0];
    const show = (reward: number) =>
      send(socket, {
        type: 'observation',
        data: { observation: { count: count + shift, start }, reward, done: count >= 5 },
      });
    const take = (frame: Buffer) => {
      if ((frame[0] & 15) === 8) return void socket.end();
      const { type, data } = JSON.parse(textOf(frame)) as { type: string; data: { seed: number; action: string } };
      if (type === 'close') return void socket.end();
      if (type === 'reset') [count, start] = [0, data.seed % 100];
      if (type === 'step') {
        if (++steps % dropEvery === 0) return void socket.destroy();
        count += data.action === 'two' ? 2 : 1;
      }
      show(count >= 5 ? 1 : 0);
    };
    socket.on('data', (bytes: Buffer) => framesIn(bytes).forEach(take));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions: () => sockets.size,
    kill: () => sockets.forEach((socket) => socket.destroy()),
    stop: () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    },
  };
}

function send(socket: Socket, message: object): void {
  const text = Buffer.from(JSON.stringify(message));
  const head =
    text.length < 126
      ? Buffer.from([0x81, text.length])
      : Buffer.from([0x81, 126, text.length >> 8, text.length & 255]);
  socket.write(Buffer.concat([head, text]));
}

/** Short frames, several of which may come at once. */
function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1] & 127;
    const end = at + 6 + (short === 126 ? 2 + bytes.readUInt16BE(at + 2) : short);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** Clients mask what they send. */
function textOf(frame: Buffer): string {
  const at = (frame[1] & 127) === 126 ? 4 : 2;
  return Buffer.from(frame.subarray(at + 4).map((byte, index) => byte ^ frame[at + (index % 4)])).toString();
}
