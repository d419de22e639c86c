/** One episode on a server, over any transport, and the checks of what servers send, which is untrusted. */
import { z } from 'zod';
import { EnvironmentError } from '../plug-in.ts';

/** The most characters of a message. */
export const LONGEST_MESSAGE = 4 * 2 ** 20;
/** The deepest nesting of brackets. */
const DEEPEST = 32;

/** The server cannot be used now; another one, or a later try, may work. `full`: it has no session left. */
export class ServerAway extends Error {
  override name = 'ServerAway';
  readonly full: boolean;

  constructor(message: string, full = false) {
    super(message);
    this.full = full;
  }
}

const fields = z.record(z.string(), z.json());
export const observed = z.object({
  // openenv 0.10 sends its metadata along, openenv-core 0.3 does not: it is no part of what is shown.
  observation: fields.transform(({ metadata: _, ...shown }) => shown),
  reward: z.union([z.number(), z.boolean().transform(Number)]).nullish(),
  done: z.boolean().default(false),
});
/** What a reset or a step shows. */
export type Observed = z.infer<typeof observed>;
/** A server's state of an episode. */
export const serverState = fields;
export type ServerState = z.infer<typeof serverState>;

/** Requests throw `ServerAway`, or `EnvironmentError` when no later try would succeed. */
export interface Session {
  readonly server: string;
  reset(data: object): Promise<Observed>;
  step(action: object): Promise<Observed>;
  state(): Promise<ServerState>;
  /** Ends the episode on the server. */
  close(): void;
}

/** A message as `schema` has it. Throws `EnvironmentError`. */
export function readMessage<T extends z.ZodType>(server: string, text: string, schema: T): z.infer<T> {
  if (text.length > LONGEST_MESSAGE)
    throw new EnvironmentError(
      `${server} sent a message of ${text.length} characters; at most ${LONGEST_MESSAGE} are read.`,
    );
  if (isDeeperThan(DEEPEST, text))
    throw new EnvironmentError(`${server} sent brackets more than ${DEEPEST} deep; observations are flat.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new EnvironmentError(`${server} sent something that is not JSON; is it an OpenEnv server?`);
  }
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  const [{ path, message }] = read.error.issues;
  throw new EnvironmentError(`${server} sent an answer that is not OpenEnv's (${[...path, message].join(': ')}).`);
}

function isDeeperThan(most: number, text: string): boolean {
  let [depth, inText] = [0, false];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inText) {
      if (character === '\\') at++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === '{' || character === '[') {
      if (++depth > most) return true;
    } else if (character === '}' || character === ']') depth--;
  }
  return false;
}

/** A server's own words, shortened for our sentences. */
export function brief(text: string): string {
  return text.slice(0, 200).replace(/\s+/g, ' ').trim();
}
