/** The common parts of worker processes: connecting, logging, metrics, health, and an orderly shutdown. */
import { NativeConnection, Runtime, type TelemetryOptions, Worker, type WorkerOptions } from '@temporalio/worker';
import { parseEndpoint, startHealthServer, workerHealth } from './health-server.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeId } from '../core/artifacts/store-id.ts';
import { activityDependencies, temporalConfig } from './installation.ts';
import { projectLogger, temporalLogger } from './logger.ts';
import { RunOwnership } from './run-ownership.ts';
import { tracing } from './tracing.ts';
import { foreignWorker, identityText, ownIdentity, type WorkerIdentity } from './worker-identity.ts';

/** Time that a running activity gets to reach its resume point after SIGTERM. */
const GRACE = '20s';

/** Runs one worker until SIGINT or SIGTERM. `role` names it in the logs. */
export async function runWorker(
  role: string,
  options: Omit<WorkerOptions, 'connection' | 'namespace'>,
  cleanUp: () => Promise<void> = async () => {},
): Promise<void> {
  // A worker whose supervisor was killed exits, because the next supervisor starts its own. While it starts there is no
  // work to end in good order, and the SDK, which handles signals, does not end for them.
  let starting = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => starting && process.exit(1));
  const abandoned = () => (starting ? process.exit(1) : process.kill(process.pid, 'SIGTERM'));
  process.once('disconnect', abandoned);
  if (process.connected === false) abandoned();
  Runtime.install({
    logger: temporalLogger(role),
    shutdownSignals: ['SIGINT', 'SIGTERM'],
    telemetryOptions: telemetry(process.env.GTR_METRICS_ADDRESS),
  });
  const { connection: connectionOptions, namespace } = temporalConfig();
  const traces = await tracing(`gtr-${role}`);
  const connection = await NativeConnection.connect(connectionOptions);
  try {
    const { store } = activityDependencies();
    const identity = await ownIdentity(store);
    await untilAmongOwn(role, connection, identity);
    const ownership = new RunOwnership(connection.workflowService, namespace, {
      id: await storeId(store),
      location: store.location,
    });
    const worker = await Worker.create({
      connection,
      namespace,
      identity: identityText(identity),
      interceptors: { activity: [ownership.interceptor] },
      plugins: traces.plugins,
      shutdownGraceTime: 0,
      shutdownForceTime: GRACE,
      ...versioning(process.env.GTR_BUILD_ID),
      ...options,
    });
    const healthAddress = process.env.GTR_HEALTH_ADDRESS;
    const health = healthAddress
      ? await startHealthServer(parseEndpoint(healthAddress, 'GTR_HEALTH_ADDRESS'), () => workerHealth(role, worker))
      : null;
    starting = false;
    report('ready');
    await worker.run().finally(() => health?.close());
  } finally {
    await cleanUp();
    await connection.close();
    await traces.close();
    // Listening keeps the channel to the supervisor open, and with it this process.
    process.off('disconnect', abandoned);
  }
}

/** What a worker tells its supervisor while it starts: that it is ready, or a sentence on why it is not yet. */
export type StartReport = 'ready' | `waits: ${string}`;

function report(news: StartReport): void {
  process.send?.(news);
}

/** Time after which the queues are checked again for workers that must not share them. */
const LOOK_AGAIN_MS = 5000;

/** Waits while workers of another store or of other code serve the queues, e.g. after the sources were changed. */
async function untilAmongOwn(role: string, connection: NativeConnection, own: WorkerIdentity): Promise<void> {
  for (let told = ''; ; await sleep(LOOK_AGAIN_MS)) {
    const reason = await foreignWorker(connection.workflowService, temporalConfig(), own);
    if (reason === null) return;
    if (reason !== told) {
      projectLogger(role).warn(`This worker waits: ${reason}`);
      report(`waits: ${reason}`);
    }
    told = reason;
  }
}

/** Prometheus metrics of the worker, of the SDK and of the project's own work, at `/metrics` of an address. */
function telemetry(address: string | undefined): TelemetryOptions {
  if (!address) return {};
  parseEndpoint(address, 'GTR_METRICS_ADDRESS');
  return {
    metrics: {
      prometheus: { bindAddress: address, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
    },
  };
}

/**
 * A worker that belongs to a build takes that build's work alone (docs/deployment.md); without a build id it takes all.
 */
export function versioning(buildId: string | undefined): Partial<WorkerOptions> {
  if (!buildId) return {};
  const version = { deploymentName: process.env.GTR_DEPLOYMENT ?? 'gtr', buildId };
  return { workerDeploymentOptions: { useWorkerVersioning: true, version, defaultVersioningBehavior: 'PINNED' } };
}
