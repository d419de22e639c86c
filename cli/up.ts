/** `gtr up`: the Temporal server and the workers, supervised in the foreground. */
import type { Command } from 'commander';
import { gtrHome, temporalConfig } from '../workers/installation.ts';
import { UsageError } from './errors.ts';
import { Supervisor, type WorkerProcess, workerProcesses, type WorkerRole, WORKER_ROLES } from './supervisor.ts';
import { serverAnswers } from './temporal.ts';
import { refuseForeignWorkers } from './workers-answer.ts';

export function register(program: Command): void {
  program
    .command('up')
    .description('run the Temporal server and the workers in the foreground')
    .option(
      '--workers <roles>',
      `comma-separated: ${WORKER_ROLES.join(', ')}; several of a role as gpu,gpu; one per device as gpu:0,gpu:1`,
      WORKER_ROLES.join(','),
    )
    .option('--no-server', 'use a server that is already running')
    .option(
      '--metrics <address>',
      'serve Prometheus metrics at host:port, each further worker at the next port (GTR_METRICS_ADDRESS)',
    )
    .option('--health <address>', 'serve /healthz likewise (GTR_HEALTH_ADDRESS)')
    .action(
      async ({
        workers,
        server,
        ...endpoints
      }: {
        workers: string;
        server: boolean;
        metrics?: string;
        health?: string;
      }) => {
        const roles = workerProcesses(workers);
        const supervisor = new Supervisor(gtrHome(), (line) => process.stdout.write(`${line}\n`), endpoints);
        await supervisor.during(async () => {
          await startInstallation(supervisor, { server, roles });
          if (server && roles.length > 0) {
            await supervisor.serveReports();
            supervisor.trackRuns();
          }
          process.stdout.write(
            server
              ? `Ready. State is kept in ${gtrHome()}; Ctrl-C stops everything; runs continue at the next start.\n`
              : `Ready. Ctrl-C stops these workers; their runs continue on other workers, or when they are back. ` +
                  `\`./gtr watch RUN\` says how many work on a run.\n`,
          );
          await new Promise(() => {}); // until a signal
        });
      },
    );
}

/**
 * Starts the server if none answers, then the workers. With `server` this process becomes the owner of the home;
 * without, it adds workers.
 */
export async function startInstallation(
  supervisor: Supervisor,
  { server, roles }: { server: boolean; roles: readonly (WorkerRole | WorkerProcess)[] },
): Promise<void> {
  const { address } = temporalConfig();
  if (server) await supervisor.takeHome(address);
  if (!(await serverAnswers())) {
    if (!server)
      throw new UsageError(
        `No Temporal server answers at ${address}; leave --no-server out to start one, or set TEMPORAL_ADDRESS to ` +
          `yours.`,
      );
    await supervisor.startServer(address);
  }
  if (roles.length > 0) await refuseForeignWorkers();
  await Promise.all(roles.map((role) => supervisor.startWorker(role)));
}
