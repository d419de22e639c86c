/** Live reports of runs, for the browsers of this machine. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Client } from '@temporalio/client';
import { inOrder } from '../core/report/run-files.ts';
import { runListPage } from '../core/report/run-list.ts';
import { reportPage } from '../core/report/write-report.ts';
import { activityDependencies, temporalConfig } from '../workers/installation.ts';
import { lookAtRun } from './read-run.ts';
import { rowsOf, statusesOf } from './runs.ts';
import { splitAddress } from './temporal.ts';

/** The page's port is the server's plus this, and the Web UI's plus 1000. */
const PORTS_ABOVE = 2000;

/** Updates the page, and leaves opened details open. */
const FOLLOW = `const follow = async () => {
  try {
    const answer = await fetch(location.href);
    if (answer.ok) {
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const [now, then] = [document.querySelector('main'), next.querySelector('main')];
      const open = [...now.querySelectorAll('details')].map((one) => one.open);
      then.querySelectorAll('details').forEach((one, index) => (one.open = open[index] ?? one.open));
      if (now.innerHTML !== then.innerHTML) now.replaceWith(then);
      document.title = next.title;
    }
  } catch {} // the installation is down, for a moment or for good: keep what is shown
  setTimeout(follow, 3000);
};
setTimeout(follow, 3000);
`;

/** The address of a run's page; without a run, of the list. */
export function reportLink(run?: string): string {
  return `http://localhost:${reportPort()}/${run === undefined ? '' : `runs/${encodeURIComponent(run)}`}`;
}

function reportPort(): number {
  return splitAddress(temporalConfig().address).port + PORTS_ABOVE;
}

/** Serves the reports to this machine only; null if the port is taken. */
export async function serveReports(client: Client | null): Promise<Server | null> {
  const server = createServer((request, response) => {
    answer(client, request, response).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${error.message}\n`);
    });
  });
  server.listen(reportPort(), '127.0.0.1');
  const listens = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]);
  return listens ? server : null;
}

async function answer(client: Client | null, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, type: string, text: string) =>
    response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }).end(text);
  // Guards against DNS rebinding: foreign pages must not read ours.
  if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? '')) return void send(403, 'text/plain', '');
  if (request.method !== 'GET') return void send(405, 'text/plain', '');
  const { pathname } = new URL(request.url!, 'http://localhost');
  if (pathname === '/follow.js') return void send(200, 'text/javascript', FOLLOW);
  if (pathname === '/') return void send(200, 'text/html', await overview(client));
  const [, named] = /^\/runs\/([^/]+)$/.exec(pathname) ?? [];
  const run = named === undefined ? null : nameOf(named);
  const page = run === null ? null : await pageOf(client, run);
  if (page === null) return void send(404, 'text/plain', `No such page; / lists the runs.\n`);
  send(200, 'text/html', page);
}

function nameOf(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

async function pageOf(client: Client | null, runId: string): Promise<string | null> {
  const known = await lookAtRun(client, runId);
  if (known === null) return null;
  const { config, store, status, progress, records } = known;
  const lines = records.iterations;
  const files = { lines, evaluations: inOrder(records.evaluations, lines) };
  return await reportPage({ runId, config, store, records, status, files, live: { phase: progress?.phase ?? null } });
}

async function overview(client: Client | null): Promise<string> {
  const told = client === null ? null : await statusesOf(client).catch(() => null);
  return await runListPage(await rowsOf(activityDependencies().store, told));
}
