/**
 * A small OpenEnv server of a counting game, as openenv-core 0.3 speaks: for faults that the real one has no switch
 * for.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type GameServer = { url: string; sessions(): number; kill(): void; stop(): void };

const SCHEMA = {
  action: { type: 'object', properties: { action: { enum: ['one', 'two'] } }, required: ['action'] },
  observation: {
    type: 'object',
    properties: {
      done: { type: 'boolean' },
      reward: { type: 'number' },
      count: { $ref: '#/$defs/count' },
      start: { type: 'integer' },
    },
    required: ['count', 'start'],
    additionalProperties: false,
    $defs: { count: { type: 'integer', minimum: 0 } },
  },
  state: {},
};

/** Counts to five. */
class Counting {
  #count = 0;
  #start = 0;
  #steps = 0;

  reset({ seed }: { seed: number }): void {
    [this.#count, this.#start, this.#steps] = [0, seed % 100, 0];
  }

  step({ action }: { action: string }): void {
    this.#count += action === 'two' ? 2 : 1;
    this.#steps++;
  }

  seen(shift: number) {
    const [count, done] = [this.#count, this.#count >= 5];
    return { observation: { count: count + shift, start: this.#start }, reward: done ? 1 : 0, done };
  }

  state() {
    return { episode_id: Math.random().toString(), step_count: this.#steps, secret: this.#count * 10 };
  }
}

/**
 * `sessions`: how many it has; `shift`: added to what it shows, so that servers differ; `dropEvery`: steps; `answer`:
 * what it sends in place of observations; `echoes`: it sends each observation twice; `keeps`: whether it keeps games
 * between plain requests.
 */
export async function startGameServer({
  sessions = 64,
  shift = 0,
  dropEvery = Infinity,
  answer,
  echoes = false,
  keeps = true,
  port = 0,
}: {
  sessions?: number;
  shift?: number;
  dropEvery?: number;
  answer?: string;
  echoes?: boolean;
  keeps?: boolean;
  port?: number;
} = {}): Promise<GameServer> {
  const sockets = new Set<Socket>();
  const games = new Map<string, Counting>();
  let steps = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://localhost');
    const say = (body: object, status = 200) => response.writeHead(status).end(JSON.stringify(body));
    if (url.pathname === '/schema') return void say(SCHEMA);
    let text = '';
    for await (const part of request) text += part;
    const { episode_id: name, ...data } = (text === '' ? {} : JSON.parse(text)) as Record<string, any>;
    const id: string = name ?? url.searchParams.get('episode_id');
    const game = (keeps ? games.get(id) : undefined) ?? new Counting();
    if (url.pathname === '/reset') {
      if (games.size >= sessions) return void say({ detail: 'no room' }, 503);
      game.reset(data as { seed: number });
      games.set(id, game);
    } else if (url.pathname === '/step') game.step(data.action as { action: string });
    else return void say(game.state());
    if (answer !== undefined) return void response.end(answer);
    say(game.seen(shift));
  }).on('upgrade', ({ headers }, socket: Socket) => {
    const accept = createHash('sha1')
      .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: ' +
        `Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    if (sockets.size >= sessions) {
      send(socket, { type: 'error', data: { code: 'CAPACITY_REACHED', message: 'no session left' } });
      return void socket.end();
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    const game = new Counting();
    const take = (frame: Buffer) => {
      if ((frame[0] & 15) === 8) return void socket.end();
      const { type, data } = JSON.parse(textOf(frame)) as { type: string; data: any };
      if (type === 'close') return void socket.end();
      if (type === 'state') return send(socket, { type, data: game.state() });
      if (type === 'reset') game.reset(data);
      else if (++steps % dropEvery === 0) return void socket.destroy();
      else game.step(data);
      if (answer !== undefined) sendText(socket, answer);
      else send(socket, { type: 'observation', data: game.seen(shift) });
      if (echoes) setTimeout(() => send(socket, { type: 'observation', data: game.seen(shift) }), 5);
    };
    socket.on('data', (bytes: Buffer) => framesIn(bytes).forEach(take));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
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
  sendText(socket, JSON.stringify(message));
}

function sendText(socket: Socket, message: string): void {
  const text = Buffer.from(message);
  const head = Buffer.alloc(10, 0x81);
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(text.length), 2);
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
