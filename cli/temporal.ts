/** The CLI's connection to Temporal. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, ServiceError } from '@temporalio/client';
import { temporalConfig } from '../workers/installation.ts';
import { tracing } from '../workers/tracing.ts';
import { UsageError } from './errors.ts';

/**
 * Time after which an address without a connection counts as silent, and a server without answers as gone.
 */
const LISTEN_TIMEOUT_MS = 5000;
const CONNECT_TIMEOUT_MS = 15_000;

/** Connects, hands the client to `use`, and closes. */
export async function withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const { connection: options, namespace, address } = temporalConfig();
  const connection = await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT_MS }).catch(
    (error: unknown) => {
      if (REFUSED.has(statusOf(error) ?? 0))
        throw new UsageError(
          `The Temporal server at ${address} refuses access; check TEMPORAL_API_KEY and TEMPORAL_NAMESPACE.`,
        );
      throw new UsageError(
        `No Temporal server answers at ${address}; start one with \`./gtr up\`, or set TEMPORAL_ADDRESS to yours.`,
      );
    },
  );
  const traces = await tracing('gtr');
  try {
    return await use(new Client({ connection, namespace, plugins: traces.plugins }));
  } finally {
    await connection.close();
    await traces.close();
  }
}

/** As `withClient`; `use` gets null if nothing listens there. Refused access is still an error. */
export async function withClientIfAny<T>(use: (client: Client | null) => Promise<T>): Promise<T> {
  return (await isListening(temporalConfig().address)) ? await withClient(use) : await use(null);
}

/**
 * Whether a server answers at the configured address. Returns at once if nothing listens there, and waits for a slow
 * server.
 */
export async function serverAnswers(): Promise<boolean> {
  const { connection: options, address } = temporalConfig();
  if (!(await isListening(address))) return false;
  try {
    await (await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT_MS })).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * gRPC status codes of a server that is temporarily unreachable: cancelled by the connection's end, deadline exceeded,
 * unavailable.
 */
const AWAY = new Set([1, 4, 14]);

/** gRPC status codes of refused access: permission denied, unauthenticated. */
const REFUSED = new Set([7, 16]);

/** gRPC's status code of a failed call, if it has one. */
function statusOf(error: unknown): number | undefined {
  const { code } = ((error instanceof ServiceError ? error.cause : error) ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** Pause before an unreachable server is asked again. */
const ASK_AGAIN_MS = 1000;

/**
 * The result of a workflow; waits while the server is unreachable. Throws WorkflowFailedError if the workflow fails.
 */
export async function workflowResult<Result>(client: Client, id: string): Promise<Result> {
  for (;;) {
    try {
      return (await client.workflow.getHandle(id).result()) as Result;
    } catch (error) {
      if (!AWAY.has(statusOf(error) ?? 0)) throw error;
      await sleep(ASK_AGAIN_MS);
    }
  }
}

function isListening(address: string): Promise<boolean> {
  const { host, port } = splitAddress(address);
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: LISTEN_TIMEOUT_MS });
    const end = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket
      .once('connect', () => end(true))
      .once('timeout', () => end(false))
      .once('error', () => end(false));
  });
}

/** `host:port`, the host without the brackets of an IPv6 address. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
