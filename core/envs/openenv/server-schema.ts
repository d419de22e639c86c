/** A server's own schema of actions and observations (`GET /schema`); both are checked against it. */
import { z } from 'zod';
import { EnvironmentError } from '../plug-in.ts';
import { request } from './http-session.ts';
import { actionNames, fieldsOf, type OpenEnvOptions } from './options.ts';
import { brief, type Observed } from './session.ts';

const given = z.object({ action: z.record(z.string(), z.json()), observation: z.record(z.string(), z.json()) });

export type ServerSchema = { action: z.ZodType; observation: z.ZodType; fields: readonly string[] };

const known = new Map<string, Promise<ServerSchema | null>>();

/** Null where the server has no readable schema. Asked once per process; throws `ServerAway`. */
export function schemaOf(server: string, seconds: number): Promise<ServerSchema | null> {
  let schema = known.get(server);
  if (schema === undefined) {
    schema = askFor(server, seconds);
    known.set(server, schema);
    schema.catch(() => known.delete(server));
  }
  return schema;
}

async function askFor(server: string, seconds: number): Promise<ServerSchema | null> {
  try {
    const { action, observation } = await request(server, 'schema', seconds, given);
    // Rewards and ends are outside the observation's fields, and metadata is not sent.
    const { reward: _, done: __, metadata: ___, ...properties } = (observation.properties ?? {}) as Record<string, any>;
    const required = ((observation.required ?? []) as string[]).filter((name) => name in properties);
    return {
      action: z.fromJSONSchema(action as Parameters<typeof z.fromJSONSchema>[0]),
      observation: z.fromJSONSchema({ ...observation, properties, required } as Parameters<typeof z.fromJSONSchema>[0]),
      fields: Object.keys(properties),
    };
  } catch (error) {
    if ((error as Error).name === 'ServerAway') throw error;
    return null;
  }
}

/** A sentence for each option that does not fit the server. */
export function faultsOf(server: string, { action, fields }: ServerSchema, options: OpenEnvOptions): string[] {
  const faults = actionNames(options).flatMap((name) => {
    const read = action.safeParse(fieldsOf(options, name));
    if (read.success) return [];
    const [{ path, message }] = read.error.issues;
    return `environment.options.actions: ${server} does not take "${brief(name)}" (${[...path, message].join(': ')}).`;
  });
  const { picture } = options;
  if (picture !== null && fields.length > 0 && !fields.includes(picture))
    faults.push(
      `environment.options.picture: observations of ${server} have no field "${picture}"; they have ` +
        `${brief(fields.join(', '))}.`,
    );
  return faults;
}

/** Throws `EnvironmentError` for an observation that does not match the server's own schema. */
export function checkObservation(
  server: string,
  { observation: schema }: ServerSchema,
  { observation }: Observed,
): void {
  const read = schema.safeParse(observation);
  if (read.success) return;
  const [{ path, message }] = read.error.issues;
  throw new EnvironmentError(
    `${server} sent an observation that does not match its own schema (${[...path, message].join(': ')}).`,
  );
}
