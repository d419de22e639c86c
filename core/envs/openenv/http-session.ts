/** An episode of a server that keeps games by their `episode_id`, over plain requests. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { EnvironmentError } from '../plug-in.ts';
import {
  brief,
  LONGEST_MESSAGE,
  type Observed,
  observed,
  readMessage,
  ServerAway,
  type ServerState,
  serverState,
  type Session,
} from './session.ts';

/** Statuses after which a later try, or another server, may succeed. */
const AWAY = [408, 425, 429, 502, 503, 504];
/** Statuses of a full server. */
const FULL = [429, 503];

export class HttpSession implements Session {
  readonly server: string;
  readonly #seconds: number;
  readonly #episode = randomUUID();
  /** Steps since the reset; whether the server keeps the game is asked once, after the first. */
  #steps = 0;

  constructor(server: string, seconds: number) {
    [this.server, this.#seconds] = [server, seconds];
  }

  reset(data: object): Promise<Observed> {
    this.#steps = 0;
    return this.#post('reset', { ...data, episode_id: this.#episode });
  }

  async step(action: object): Promise<Observed> {
    const seen = await this.#post('step', { action, episode_id: this.#episode });
    if (this.#steps++ === 0 && !seen.done) await this.#checkThatGameIsKept();
    return seen;
  }

  state(): Promise<ServerState> {
    return request(this.server, `state?episode_id=${this.#episode}`, this.#seconds, serverState);
  }

  /** Does nothing: the protocol has no request for it. */
  close(): void {}

  #post(what: string, body: object): Promise<Observed> {
    return request(this.server, what, this.#seconds, observed, body);
  }

  async #checkThatGameIsKept(): Promise<void> {
    const { step_count: count } = await this.state();
    if (count === 0)
      throw new EnvironmentError(
        `${this.server} counts no step after the first: it keeps no game between plain requests ` +
          '(openenv-core makes a new one for each). Use environment.options.transport "websocket".',
      );
  }
}

/** An answer as `schema` has it; a GET where there is no body. Throws `ServerAway` or `EnvironmentError`. */
export async function request<T extends z.ZodType>(
  server: string,
  what: string,
  seconds: number,
  schema: T,
  body?: object,
): Promise<z.infer<T>> {
  const url = `${server.replace(/\/$/, '')}/${what}`;
  let answer: { status: number; text: string };
  try {
    const response = await fetch(url, {
      ...(body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(seconds * 1000),
      redirect: 'error',
    });
    answer = { status: response.status, text: await boundedText(server, response) };
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    const late = (error as Error).name === 'TimeoutError';
    throw new ServerAway(late ? `${server} did not answer within ${seconds} seconds` : `${server} cannot be reached`);
  }
  const { status, text } = answer;
  if (status === 200) return readMessage(server, text, schema);
  if (AWAY.includes(status))
    throw new ServerAway(`${server} answered ${status} (${brief(text)})`, FULL.includes(status));
  throw new EnvironmentError(
    `${server} refused /${what.split('?')[0]} with ${status} (${brief(text)}); plain requests need a server ` +
      'that keeps a game for each episode_id (environment.options.transport).',
  );
}

/** Reads no more than the limit. */
async function boundedText(server: string, { body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > LONGEST_MESSAGE)
      throw new EnvironmentError(`${server} sent more than ${LONGEST_MESSAGE} bytes, more than the limit.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
