/** A worker's health over HTTP, for load balancers, container probes and people. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Worker } from '@temporalio/worker';

/** Time within which a healthy worker's server answers. */
const SERVER_ANSWERS_MS = 2000;

/** The answer of `/healthz`. `state`: the worker's own, RUNNING while it polls. `activities`: running now. */
export type WorkerHealth = {
  healthy: boolean;
  role: string;
  pid: number;
  state: string;
  server: 'answers' | 'unreachable';
  activities: number;
};

/** Healthy: the worker polls, and its Temporal server answers. */
export async function workerHealth(role: string, worker: Worker): Promise<WorkerHealth> {
  const state = worker.getState();
  const connection = worker.connection!;
  const server = await connection
    .withDeadline(Date.now() + SERVER_ANSWERS_MS, () => connection.workflowService.getSystemInfo({}))
    .then(
      () => 'answers' as const,
      () => 'unreachable' as const,
    );
  return {
    healthy: state === 'RUNNING' && server === 'answers',
    role,
    pid: process.pid,
    state,
    server,
    activities: worker.getStatus().numInFlightActivities,
  };
}

/** Serves `GET /healthz`: 200 while healthy, else 503, with the result of `check` as JSON. Resolves once it listens. */
export async function startHealthServer({ host, port }: Endpoint, check: () => Promise<WorkerHealth>): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/healthz') return void response.writeHead(404).end();
    const health = await check();
    response
      .writeHead(health.healthy ? 200 : 503, { 'content-type': 'application/json' })
      .end(`${JSON.stringify(health)}\n`);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

export type Endpoint = { host: string; port: number };

/** Reads `host:port`; `name`: its source, for the error. */
export function parseEndpoint(text: string, name: string): Endpoint {
  const [, host, port] = /^(\[[\da-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new Error(`${name}: ${text} is not an address; give a host and a port, such as 127.0.0.1:9464`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
