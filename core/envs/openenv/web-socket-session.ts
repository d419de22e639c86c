/** A session of an OpenEnv server (openenv-core 0.3) over its WebSocket. */
import { z } from 'zod';
import { EnvironmentError } from '../plug-in.ts';
import {
  brief,
  type Observed,
  observed,
  readMessage,
  ServerAway,
  type ServerState,
  serverState,
  type Session,
} from './session.ts';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('observation'), data: observed }),
  z.object({ type: z.literal('state'), data: serverState }),
  z.object({
    type: z.literal('error'),
    data: z.object({ message: z.string().default(''), code: z.string().default('') }),
  }),
]);
type Answer = Exclude<z.infer<typeof message>, { type: 'error' }>;
/** How long a server has to end a connection. */
const CLOSING_MILLISECONDS = 2000;

type Data = { observation: Observed; state: ServerState };

export class WebSocketSession implements Session {
  readonly server: string;
  readonly #socket: WebSocket;
  readonly #seconds: number;
  /** Waits for the next message. */
  #waiting: { resolve(text: string): void; reject(error: Error): void } | null = null;
  /** Messages that came before anyone waited: a full server says so at once. */
  #early: string | null = null;
  #closed: string | null = null;

  private constructor(server: string, socket: WebSocket, seconds: number) {
    [this.server, this.#socket, this.#seconds] = [server, socket, seconds];
    socket.addEventListener('message', ({ data }) => {
      const text = typeof data === 'string' ? data : '';
      if (this.#waiting === null) this.#early = text;
      else this.#waiting.resolve(text);
    });
    const gone = () => {
      this.#closed = `${server} closed the connection`;
      this.#waiting?.reject(new ServerAway(this.#closed));
    };
    socket.addEventListener('close', gone);
    socket.addEventListener('error', gone);
  }

  /** `server`: its address, http or https. Throws `ServerAway`. */
  static async open(server: string, seconds: number): Promise<WebSocketSession> {
    const url = new URL(server.replace(/^http/, 'ws'));
    url.pathname = `${url.pathname.replace(/\/$/, '')}/ws`;
    const socket = new WebSocket(url);
    const session = new WebSocketSession(server, socket, seconds);
    await within(
      seconds,
      `${server} did not accept the connection`,
      new Promise<void>((resolve, reject) => {
        socket.addEventListener('open', () => resolve());
        socket.addEventListener('error', () => reject(new ServerAway(`${server} cannot be reached`)));
      }),
    ).catch((error: unknown) => {
      socket.close();
      throw error;
    });
    return session;
  }

  reset(data: object): Promise<Observed> {
    return this.#ask({ type: 'reset', data }, 'observation');
  }

  step(action: object): Promise<Observed> {
    return this.#ask({ type: 'step', data: action }, 'observation');
  }

  state(): Promise<ServerState> {
    return this.#ask({ type: 'state' }, 'state');
  }

  /** The server is told and ends the connection itself; if it does not, we close it soon. */
  close(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return this.#socket.close();
    this.#socket.send(JSON.stringify({ type: 'close' }));
    setTimeout(() => this.#socket.close(), CLOSING_MILLISECONDS).unref();
  }

  async #ask<T extends Answer['type']>(request: object, wanted: T): Promise<Data[T]> {
    const answer = new Promise<string>((resolve, reject) => (this.#waiting = { resolve, reject }));
    answer.catch(() => {});
    try {
      if (this.#early !== null) {
        this.#read(this.#early); // throws what a server that is full said
        throw new EnvironmentError(`${this.server} sent a message that nobody asked for.`);
      }
      if (this.#closed !== null) throw new ServerAway(this.#closed);
      else this.#socket.send(JSON.stringify(request));
      const read = this.#read(await within(this.#seconds, `${this.server} did not answer`, answer));
      if (read.type !== wanted)
        throw new EnvironmentError(`${this.server} answered with "${read.type}" instead of "${wanted}".`);
      return read.data as Data[T];
    } finally {
      this.#waiting = null;
      this.#early = null;
    }
  }

  #read(text: string): Answer {
    const read = readMessage(this.server, text, message);
    if (read.type !== 'error') return read;
    const { code, message: said } = read.data;
    if (code === 'CAPACITY_REACHED') throw new ServerAway(`${this.server} is full (${brief(said)})`, true);
    if (code === 'SESSION_ERROR') throw new ServerAway(`${this.server} lost the session (${brief(said)})`);
    throw new EnvironmentError(`${this.server} refused a request (${code}: ${brief(said)}).`);
  }
}

async function within<T>(seconds: number, problem: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ServerAway(`${problem} within ${seconds} seconds`)), seconds * 1000);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
