/** `environment.options` of a game behind OpenEnv servers. */
import { z } from 'zod';

const address = z.url({ protocol: /^https?$/ });
const seconds = z.number().positive();

export const optionsSchema = z.strictObject({
  /** One server, or several that play the same game: a session goes to the one with the fewest. */
  url: z.union([address, z.array(address).min(1)]),
  /** `http`: plain requests, which name their game by `episode_id`, for servers that keep a game for each. */
  transport: z.enum(['websocket', 'http']).default('websocket'),
  /** What the agent says -> the action's fields; a list: each text goes into the field `actionField`. */
  actions: z.union([
    z.array(z.string()).min(1),
    z
      .record(z.string(), z.record(z.string(), z.json()))
      .refine((actions) => Object.keys(actions).length > 0, 'names no action'),
  ]),
  actionField: z.string().default('action'),
  /** Any text is an action, in `actionField`; `actions` are drawn for answers that name none. */
  freeText: z.boolean().default(false),
  /** Field of the observation with the picture; null: none. */
  picture: z.string().nullable().default(null),
  /** The server's state is asked for after each step too: compared, kept, its texts are values `state_NAME`. */
  state: z.boolean().default(false),
  /** Further fields of a reset, beside `seed`. */
  reset: z.record(z.string(), z.json()).default({}),
  /** How long an answer may take, and how long all servers may be away or full. */
  timeoutSeconds: seconds.default(30),
  patienceSeconds: z.number().min(0).default(120),
  /** A replayed episode that shows something else: end the run, begin the episode anew, or leave it out; counted. */
  onDivergence: z.enum(['fail', 'restart', 'drop']).default('fail'),
});
export type OpenEnvOptions = z.infer<typeof optionsSchema>;

export function serversOf({ url }: Pick<OpenEnvOptions, 'url'>): string[] {
  return [url].flat();
}

/** The fields of an action. */
export function fieldsOf({ actions, actionField }: OpenEnvOptions, action: string): object {
  return Array.isArray(actions) || !Object.hasOwn(actions, action) ? { [actionField]: action } : actions[action];
}

/** What an agent may say, but for free texts. */
export function actionNames({ actions }: Pick<OpenEnvOptions, 'actions'>): readonly string[] {
  return Array.isArray(actions) ? actions : Object.keys(actions);
}
