/**
 * A temporary server and workers for one command, if none answer: in memory, on a free port.
 */
import type { Client } from '@temporalio/client';
import { gtrHome, temporalConfig } from '../workers/installation.ts';
import { freePort } from './free-port.ts';
import { isLocal, Supervisor, type WorkerRole } from './supervisor.ts';
import { serverAnswers, withClient } from './temporal.ts';

/**
 * Runs `use` on the server that answers, else on a temporary one with workers of these roles. The temporary server
 * knows no runs, so those of this installation are not touched.
 */
export async function withAnyInstallation<T>(
  roles: readonly WorkerRole[],
  use: (client: Client) => Promise<T>,
): Promise<T> {
  // The user named an address elsewhere: report that nothing answers there.
  if ((await serverAnswers()) || !isLocal(temporalConfig().address)) return await withClient(use);
  const address = `127.0.0.1:${await freePort()}`;
  process.env.TEMPORAL_ADDRESS = address;
  const supervisor = new Supervisor(gtrHome(), (line) => process.stderr.write(`${line}\n`));
  const outcome = await supervisor.during(async () => {
    await supervisor.startServer(address, { lasting: false });
    await Promise.all(roles.map((role) => supervisor.startWorker(role)));
    return await withClient(use);
  });
  return outcome === 'interrupted' ? process.exit(130) : outcome;
}
