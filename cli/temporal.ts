/** The CLI's connection to Temporal. */
import { Client, Connection } from '@temporalio/client';
import { temporalConfig } from '../workers/installation.ts';
import { UsageError } from './errors.ts';

/** Time after which a server counts as unreachable. */
const CONNECT_TIMEOUT_MS = 5000;

/** Connects, hands the client to `use`, and closes. */
export async function withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const { connection: options, namespace, address } = temporalConfig();
  const connection = await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT_MS }).catch(() => {
    throw new UsageError(`No Temporal server answers at ${address}; start one with \`./gtr up\`, or set TEMPORAL_ADDRESS to yours.`);
  });
  try {
    return await use(new Client({ connection, namespace }));
  } finally {
    await connection.close();
  }
}

/** Whether a server answers at the configured address. */
export async function serverAnswers(): Promise<boolean> {
  try {
    const { connection: options } = temporalConfig();
    await (await Connection.connect({ ...options, connectTimeout: 1000 })).close();
    return true;
  } catch {
    return false;
  }
}
