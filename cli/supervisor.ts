/** Keeps the processes of an installation running: the Temporal server and one process per worker role. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { PROJECT } from '../configs/project-folder.ts';
import { temporalCliPath } from '../scripts/temporal-cli.ts';
import { versionLine } from '../scripts/temporal-version.mjs';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.ts';
import { temporalConfig } from '../workers/installation.ts';
import type { StartReport } from '../workers/run-worker.ts';
import { parseEndpoint } from '../workers/health-server.ts';
import { UsageError } from './errors.ts';
import { reportLink, serveReports } from './report-server.ts';
import { HomeLock } from './home-lock.ts';
import { makeFolder } from './make-folder.ts';
import { forgetServer, rememberServer, stopLeftoverServer } from './leftover-server.ts';
import { foldLog, tendDatabase } from './tend-database.ts';
import { serverAnswers, splitAddress } from './temporal.ts';
import { ContinuedTracking } from './tracking.ts';

export const WORKER_ROLES = ['orchestrator', 'gpu', 'corrector'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];

/**
 * A worker process. `name`: unique among the installation's processes. `device`: that of a GPU worker, as in `gpu:1`;
 * null: the default one. `lanesOf`: GPU workers that share the machine's cores, so that each takes its share of
 * `engine.lanes`.
 */
export type WorkerProcess = { role: WorkerRole; name: string; device: string | null; lanesOf: number };

/**
 * The processes of a list such as `orchestrator,corrector,gpu:0,gpu:1`: a role may be repeated, and a GPU worker may
 * name its device. Throws `UsageError`.
 */
export function workerProcesses(list: string): WorkerProcess[] {
  const entries = list.split(',').filter(Boolean);
  const withoutDevice = entries.filter((entry) => entry === 'gpu').length;
  return entries.map((entry, index) => {
    const [role, device = null, ...rest] = entry.split(':');
    if (!(WORKER_ROLES as readonly string[]).includes(role))
      throw new UsageError(`--workers: unknown role "${entry}"; known are ${WORKER_ROLES.join(', ')}.`);
    if (rest.length > 0 || (device !== null && (role !== 'gpu' || !/^\d+$/.test(device))))
      throw new UsageError(`--workers: ${entry}: only a GPU worker can have a device number: gpu:0, gpu:1.`);
    const sameBefore = entries.slice(0, index).filter((earlier) => earlier === entry).length;
    if (device !== null && sameBefore > 0)
      throw new UsageError(`--workers: ${entry} is repeated; a device serves one worker.`);
    const name = sameBefore === 0 ? entry : `${entry}-${sameBefore + 1}`;
    return { role: role as WorkerRole, name, device, lanesOf: entry === 'gpu' ? withoutDevice : 1 };
  });
}

/** Temporal's dynamic configuration of the embedded server. */
const SERVER_SETTINGS = {
  // Runs that wait on one queue take turns (workflows/queues.ts).
  'matching.enableFairness': true,
  // How many times per second the server may look for tasks to hand out: by default 20, so that each may wait 50 ms.
  'history.transferProcessorMaxPollRPS': 1000,
} as const;

/** Pause before a process that died is started again. */
const RESTART_MS = 1000;
/** Time within which the server must answer. */
const SERVER_START_MS = 30_000;
/** Time that processes get to exit after SIGTERM. */
const GRACE_MS = 25_000;

/**
 * `env`: variables of the worker processes, in addition to this process's own. `metrics`, `health`: address of the
 * first worker; each further one takes the next port.
 */
export type SupervisorSettings = { env?: NodeJS.ProcessEnv; metrics?: string; health?: string };

export class Supervisor {
  readonly #home: string;
  readonly #say: (line: string) => void;
  readonly #settings: SupervisorSettings;
  #workers = 0;
  #lock: HomeLock | null = null;
  #tracking: ContinuedTracking | null = null;
  readonly #children = new Map<string, ChildProcess>();
  #stopping = false;

  constructor(home: string, say: (line: string) => void, settings: SupervisorSettings = {}) {
    this.#home = home;
    this.#say = say;
    const { env, metrics = process.env.GTR_METRICS_ADDRESS, health = process.env.GTR_HEALTH_ADDRESS } = settings;
    this.#settings = { env, metrics, health };
    makeFolder(path.join(home, 'logs'));
  }

  /**
   * Makes this process the owner of the home, and stops what a killed owner left running. Throws a sentence if another
   * process owns it.
   */
  async takeHome(address: string): Promise<void> {
    this.#lock ??= await HomeLock.take(this.#home, address);
    const left = await stopLeftoverServer(this.#home, this.#database);
    if (left !== null)
      this.#say(`The Temporal server that a killed \`gtr up\` left (process ${left}) was stopped; starting a new one.`);
  }

  get #database(): string {
    return path.join(this.#home, 'temporal.db');
  }

  /**
   * Starts Temporal's own server: with its database in the installation's home and the Web UI, or temporarily
   * (`lasting: false`) in memory.
   */
  async startServer(address: string, { lasting = true } = {}): Promise<void> {
    const { port } = splitAddress(address);
    if (!isLocal(address))
      throw new UsageError(
        `No Temporal server answers at ${address}, and only a local one can be started; start yours, or unset ` +
          `TEMPORAL_ADDRESS.`,
      );
    if (lasting) {
      await this.takeHome(address);
      const version = versionLine(temporalCliPath()) ?? 'unknown';
      for (const line of await tendDatabase(this.#database, version)) this.#say(line);
    }
    const uiPort = port + 1000;
    this.#say(
      `Starting the Temporal server at ${address} ` +
        `${lasting ? `(Web UI: http://localhost:${uiPort})` : 'for this command'}`,
    );
    const options = lasting ? ['--ui-port', String(uiPort), ...databaseOptions(this.#database)] : ['--headless'];
    this.#keep('server', temporalCliPath(), serverArguments(port, options), {
      onStart: ({ pid }) => {
        if (lasting && pid !== undefined) rememberServer(this.#home, pid);
      },
    });
    const deadline = Date.now() + SERVER_START_MS;
    while (!(await serverAnswers())) {
      if (Date.now() > deadline)
        throw new Error(
          `The Temporal server did not answer within ${SERVER_START_MS / 1000} s; see ${this.#logFile('server')}`,
        );
      await sleep(200);
    }
  }

  /** Starts a worker process and waits until it polls. */
  async startWorker(worker: WorkerRole | WorkerProcess): Promise<void> {
    const { role, name, device, lanesOf } = typeof worker === 'string' ? workerProcesses(worker)[0] : worker;
    const index = this.#workers++;
    const [metrics, health] = [
      atPort(this.#settings.metrics, index, '--metrics'),
      atPort(this.#settings.health, index, '--health'),
    ];
    this.#say(
      `Starting the ${name} ` +
        `worker${metrics ? `, metrics: http://${metrics}/metrics` : ''}${health ? `, health: http://${health}/healthz` : ''}`,
    );
    const env = {
      ...process.env,
      ...this.#settings.env,
      // CUDA numbers the visible devices from 0, so this becomes the process's default device.
      ...(device === null ? {} : { GTR_DEVICE: device, CUDA_VISIBLE_DEVICES: device }),
      ...(lanesOf === 1 ? {} : { GTR_LANES_OF: String(lanesOf) }),
      GTR_METRICS_ADDRESS: metrics,
      GTR_HEALTH_ADDRESS: health,
    };
    const child = this.#keep(
      name,
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(PROJECT, 'workers', `${role}.ts`)],
      { env },
    );
    const ready = new Promise<void>((resolve) => {
      child.on('message', (news: StartReport) => {
        if (news === 'ready') resolve();
        else this.#say(`The ${name} worker ${news}`);
      });
    });
    await Promise.race([ready, once(child, 'exit').then(() => this.#failedStart(name))]);
  }

  /** Serves the reports of runs to this machine's browsers, as long as this process runs. */
  async serveReports(): Promise<void> {
    const { connection, namespace } = temporalConfig();
    const client = new Client({ connection: Connection.lazy(connection), namespace });
    if ((await serveReports(client)) !== null) this.#say(`Live reports: ${reportLink()}`);
    else this.#say(`No live reports: another program uses the port of ${reportLink()}`);
  }

  /** Sends curves of the runs that name a tracker, as long as this process runs. */
  trackRuns(): void {
    this.#tracking ??= new ContinuedTracking(this.#say);
  }

  /** Process id of a running child, e.g. to kill it in tests; undefined while it is being restarted. */
  pidOf(name: string): number | undefined {
    return this.#children.get(name)?.pid;
  }

  /**
   * Starts and uses processes until `use` ends or this process gets SIGINT or SIGTERM, at whatever moment; then every
   * process ends. Returns the result of `use`, or 'interrupted'.
   */
  async during<T>(use: () => Promise<T>): Promise<T | 'interrupted'> {
    const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => {
      this.#say('\nStopping.');
      return 'interrupted' as const;
    });
    try {
      return await Promise.race([interrupted, use()]);
    } finally {
      await this.stop();
    }
  }

  /** Workers first, then the server they report to. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const end = async (names: string[]) => {
      const children = names
        .flatMap((name) => this.#children.get(name) ?? [])
        .filter((child) => child.exitCode === null && child.signalCode === null);
      const exits = children.map((child) => once(child, 'exit'));
      for (const child of children) child.kill('SIGTERM');
      // the timer does not keep the process alive once all have exited
      await Promise.race([Promise.all(exits), sleep(GRACE_MS, undefined, { ref: false })]);
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(exits); // a killed process may take a moment to disappear
    };
    await end([...this.#children.keys()].filter((name) => name !== 'server'));
    await this.#tracking?.stop();
    await end(['server']);
    if (this.#lock === null) return;
    foldLog(this.#database);
    forgetServer(this.#home);
    this.#lock.release();
    this.#lock = null;
  }

  /** Runs a process with its output in the log folder, and restarts it when it dies. */
  #keep(
    name: string,
    command: string,
    args: string[],
    options: { env?: NodeJS.ProcessEnv; onStart?: (child: ChildProcess) => void } = {},
  ): ChildProcess {
    // What was about to start when the end began would outlive it.
    if (this.#stopping) throw new Error('Interrupted');
    const { onStart = () => {} } = options;
    // Games of packages are found from where the command was given.
    const env = { GTR_PACKAGES: process.cwd(), ...(options.env ?? process.env) };
    const log = createWriteStream(this.#logFile(name), { flags: 'a' });
    // A separate process group: Ctrl-C reaches only the supervisor, which then ends its children in order.
    const child = spawn(command, args, { cwd: PROJECT, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
    log.on('error', ({ message }) => this.#say(`The log of ${name} cannot be written: ${message}`));
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    this.#children.set(name, child);
    onStart(child);
    child.on('error', (error) => this.#say(`${name}: ${error.message}`));
    child.on('exit', async (code, signal) => {
      log.end();
      if (this.#stopping) return;
      this.#say(
        `The ${name} process ended (${signal ?? `exit code ${code}`}) and is restarted; see ${this.#logFile(name)}`,
      );
      await sleep(RESTART_MS);
      if (!this.#stopping) this.#keep(name, command, args, options);
    });
    return child;
  }

  #failedStart(name: string): never {
    throw new Error(`The ${name} worker ended before it was ready; see ${this.#logFile(name)}`);
  }

  #logFile(name: string): string {
    return path.join(this.#home, 'logs', `${name}.log`);
  }
}

/** Whether an address is on this machine. */
export function isLocal(address: string): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(splitAddress(address).host);
}

/**
 * Write-ahead log: half the work of SQLite's rollback journal; the setting is stored in the file (docs/operations.md).
 */
function databaseOptions(database: string): string[] {
  return ['--db-filename', database, '--sqlite-pragma', 'journal_mode=WAL'];
}

function serverArguments(port: number, options: readonly string[]): string[] {
  const settings = Object.entries(SERVER_SETTINGS).flatMap(([name, value]) => [
    '--dynamic-config-value',
    `${name}=${value}`,
  ]);
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), ...options],
    ...['--log-level', 'warn', ...settings, ...searchAttributeFlags()],
  ];
}

/** `--search-attribute GtrModel=Keyword ...`: a server that already knows them keeps them. */
function searchAttributeFlags(): string[] {
  return Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
    '--search-attribute',
    `${name}=${type[0]}${type.slice(1).toLowerCase()}`,
  ]);
}

/** The address `index` ports further on; undefined and empty: none. */
function atPort(address: string | undefined, index: number, option: string): string | undefined {
  if (!address) return undefined;
  try {
    const { host, port } = parseEndpoint(address, option);
    return `${host.includes(':') ? `[${host}]` : host}:${port + index}`;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}.`);
  }
}
