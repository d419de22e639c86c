/** One request to a tracker's server: bounded in time, its answer checked before it is used. */
import type { z } from 'zod';
import { TrackerError } from './tracker.ts';

/** Time limit for one answer of a tracker. */
const ANSWER_MS = 20_000;
/** The most characters of a wrong answer that an error quotes. */
const QUOTED = 200;

export type Request = { url: string; method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: unknown };

/** An answer whose status is not 2xx. */
export class RefusedRequest extends TrackerError {
  readonly status: number;
  readonly body: string;

  constructor(url: string, status: number, body: string) {
    super(`${withoutSecrets(url)} answered ${status}: ${body.slice(0, QUOTED).trim() || 'nothing'}`);
    this.status = status;
    this.body = body;
  }
}

/**
 * Sends JSON and reads JSON. Throws `TrackerError`: unreachable, too slow, refused (`RefusedRequest`), or not the
 * expected answer.
 */
export async function askTracker<T>(
  { url, method = 'POST', headers, body }: Request,
  schema: z.ZodType<T>,
): Promise<T> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    text = await answer.text();
  } catch (error) {
    throw new TrackerError(`${withoutSecrets(url)}: ${reasonOf(error as Error)}`);
  }
  if (!answer.ok) throw new RefusedRequest(url, answer.status, text);
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new TrackerError(
    `${withoutSecrets(url)} answered unlike such a server: ${text.slice(0, QUOTED).trim() || 'nothing'}`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch says "fetch failed" and hides the reason in `cause`. */
function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1000} s`;
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' ? 'nobody answers there' : message || code || error.message;
}

/** An address without names, passwords and tokens, fit to be shown. */
export function withoutSecrets(address: string): string {
  const url = new URL(address);
  [url.username, url.password, url.search] = ['', '', ''];
  return url.href.replace(/\/$/, '');
}
