/** What every worker process shares: connecting, logging, and leaving in good order. */
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { temporalConfig } from './installation.ts';
import { temporalLogger } from './logger.ts';

/** Time that a running activity gets to reach its resume point after SIGTERM. */
const GRACE = '20s';

/** Runs one worker until SIGINT or SIGTERM. `role` names it in the logs. */
export async function runWorker(role: string, options: Omit<WorkerOptions, 'connection' | 'namespace'>, cleanUp: () => Promise<void> = async () => {}): Promise<void> {
  Runtime.install({ logger: temporalLogger(role), shutdownSignals: ['SIGINT', 'SIGTERM'] });
  const { connection: connectionOptions, namespace } = temporalConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  try {
    const worker = await Worker.create({ connection, namespace, shutdownGraceTime: 0, shutdownForceTime: GRACE, ...options });
    // A worker whose supervisor was killed leaves: the next one starts its own.
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
    process.send?.('ready');
    await worker.run();
  } finally {
    await cleanUp();
    await connection.close();
  }
}
