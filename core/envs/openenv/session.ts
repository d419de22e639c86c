/** One session of an OpenEnv server (openenv-core 0.3) over its WebSocket: reset, step, close. */
import { z } from 'zod';
import { EnvironmentError } from '../plug-in.ts';

/** Characters of a message that is read; a larger one is not a game's. */
const LONGEST_MESSAGE = 16 * 2 ** 20;

/** The server cannot be used now; another one, or a later try, may do. `full`: it has no session left. */
export class ServerAway extends Error {
  override name = 'ServerAway';
  readonly full: boolean;

  constructor(message: string, full = false) {
    super(message);
    this.full = full;
  }
}

const observed = z.object({
  observation: z.record(z.string(), z.json()),
  reward: z.union([z.number(), z.boolean().transform(Number)]).nullish(),
  done: z.boolean().default(false),
});
/** What a reset or a step shows. */
export type Observed = z.infer<typeof observed>;

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('observation'), data: observed }),
  z.object({
    type: z.literal('error'),
    data: z.object({ message: z.string().default(''), code: z.string().default('') }),
  }),
]);

export class Session {
  readonly server: string;
  readonly #socket: WebSocket;
  readonly #seconds: number;
  /** Whoever waits for the next message. */
  #waiting: { resolve(text: string): void; reject(error: Error): void } | null = null;
  /** Came before anyone asked: a server that is full says so at once. */
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
  static async open(server: string, seconds: number): Promise<Session> {
    const url = new URL(server.replace(/^http/, 'ws'));
    url.pathname = `${url.pathname.replace(/\/$/, '')}/ws`;
    const socket = new WebSocket(url);
    const session = new Session(server, socket, seconds);
    await within(
      seconds,
      `${server} did not take the connection`,
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
    return this.#ask({ type: 'reset', data });
  }

  step(action: object): Promise<Observed> {
    return this.#ask({ type: 'step', data: action });
  }

  /** The server gives the session up when it is told, or when the connection ends. */
  close(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: 'close' }));
    this.#socket.close();
  }

  async #ask(request: object): Promise<Observed> {
    const answer = new Promise<string>((resolve, reject) => (this.#waiting = { resolve, reject }));
    answer.catch(() => {});
    try {
      if (this.#early !== null) this.#waiting!.resolve(this.#early);
      else if (this.#closed !== null) throw new ServerAway(this.#closed);
      else this.#socket.send(JSON.stringify(request));
      return this.#read(await within(this.#seconds, `${this.server} did not answer`, answer));
    } finally {
      this.#waiting = null;
      this.#early = null;
    }
  }

  #read(text: string): Observed {
    if (text.length > LONGEST_MESSAGE)
      throw new EnvironmentError(`${this.server} sent a message of ${text.length} characters, more than is read.`);
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new EnvironmentError(`${this.server} sent something that is no JSON; is it an OpenEnv server?`);
    }
    const read = message.safeParse(json);
    if (!read.success) {
      const [{ path, message: problem }] = read.error.issues;
      throw new EnvironmentError(`${this.server} sent another answer than OpenEnv's (${path.join('.')}: ${problem}).`);
    }
    if (read.data.type === 'observation') return read.data.data;
    const { code, message: said } = read.data.data;
    if (code === 'CAPACITY_REACHED') throw new ServerAway(`${this.server} is full (${brief(said)})`, true);
    if (code === 'SESSION_ERROR') throw new ServerAway(`${this.server} lost the session (${brief(said)})`);
    throw new EnvironmentError(`${this.server} refused a request (${code}: ${brief(said)}).`);
  }
}

function brief(text: string): string {
  return text.slice(0, 200).replace(/\s+/g, ' ').trim();
}

async function within<T>(seconds: number, problem: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ServerAway(`${problem} within ${seconds} seconds`)), seconds * 1000);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
