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
  /**
   * Also ask for the server's state after each step: it is compared and kept, and its texts are the values
   * `state_NAME`.
   */
  state: z.boolean().default(false),
  /** Further fields of a reset, beside `seed`. */
  reset: z.record(z.string(), z.json()).default({}),
  /** How long an answer may take, and how long all servers may be away or full. */
  timeoutSeconds: seconds.default(30),
  patienceSeconds: z.number().min(0).default(120),
  /** When a replayed episode shows something else: end the run, restart the episode, or drop it; both are counted. */
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

/** The actions that an agent may name; free text is not listed. */
export function actionNames({ actions }: Pick<OpenEnvOptions, 'actions'>): readonly string[] {
  return Array.isArray(actions) ? actions : Object.keys(actions);
}
