/** A worker's identity for the server, and whether other workers may share the queues. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Connection } from '@temporalio/client';
import { PROJECT } from '../configs/project-folder.ts';
import { storeId } from '../core/artifacts/store-id.ts';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { queueOf } from '../workflows/queues.ts';
import { correctorAccount, workflowQueue } from './installation.ts';

/** `store`, `code`: the first digits of the store's id and of the sources' hash; a build names itself as `code`. */
export type WorkerIdentity = { pid: number; host: string; store: string; code: string };

/** Number of digits that distinguish stores and codes. */
const DIGITS = 12;
/** The files that determine what a worker does. */
const SOURCES = '{configs,core,activities,workflows}/**/*.{ts,json}';

export async function ownIdentity(store: ArtifactStore): Promise<WorkerIdentity> {
  const build = process.env.GTR_BUILD_ID;
  return {
    pid: process.pid,
    host: os.hostname(),
    store: (await storeId(store)).slice(0, DIGITS),
    code: build ? `build:${build}` : hashSources(),
  };
}

function hashSources(): string {
  const hash = createHash('sha256');
  for (const file of globSync(SOURCES, { cwd: PROJECT }).sort())
    hash.update(`${file}\0`).update(readFileSync(path.join(PROJECT, file)));
  return hash.digest('hex').slice(0, DIGITS);
}

export function identityText({ pid, host, store, code }: WorkerIdentity): string {
  return `${pid}@${host} store=${store} code=${code}`;
}

/** Null: a worker of another program, or of version 0.1.0. */
export function parseIdentity(text: string | null | undefined): WorkerIdentity | null {
  const [, pid, host, store, code] = /^(\d+)@(\S+) store=(\S+) code=(\S+)$/.exec(text ?? '') ?? [];
  return pid === undefined ? null : { pid: Number(pid), host, store, code };
}

/** Temporal's numbers: a task queue of workflows, one of activities. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;
/** A worker on another machine that has not polled for this long is gone: a poll takes at most a minute. */
const SILENT_MS = 70_000;

type Service = Pick<Connection['workflowService'], 'describeTaskQueue'>;

/**
 * A living worker that serves this installation's queues with another store or other code, as a sentence; null: there
 * is none. Builds may differ: the server tells them apart (docs/deployment.md).
 */
export async function foreignWorker(
  service: Service,
  { namespace, address }: { namespace: string; address: string },
  own: WorkerIdentity,
): Promise<string | null> {
  const base = workflowQueue();
  const queues: [name: string, type: number][] = [
    [base, WORKFLOW_TASKS],
    [base, ACTIVITY_TASKS],
    [queueOf('gpu', base), ACTIVITY_TASKS],
    [queueOf('corrector', base, correctorAccount()), ACTIVITY_TASKS],
  ];
  for (const [name, taskQueueType] of queues) {
    const { pollers } = await service.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
    for (const { identity, lastAccessTime } of pollers ?? []) {
      const other = parseIdentity(identity);
      if (other === null || !isAlive(other, Number(lastAccessTime?.seconds ?? 0) * 1000)) continue;
      const who = `process ${other.pid} on ${other.host} serves the queue ${name} of the server at ${address}`;
      if (other.store !== own.store)
        return (
          `${who} and keeps its artifacts in another store: give this home its own server ` +
          `(TEMPORAL_ADDRESS=localhost:7243), its own queue (GTR_TASK_QUEUE), or the same GTR_STORE.`
        );
      if (other.code !== own.code && !other.code.startsWith('build:') && !own.code.startsWith('build:'))
        return `${who} and runs other code: stop it first, or give both a build (GTR_BUILD_ID, docs/deployment.md).`;
    }
  }
  return null;
}

/** Whether a worker that the server saw last at `lastSeen`, in milliseconds since 1970, is still there. */
export function isAlive({ pid, host }: WorkerIdentity, lastSeen: number): boolean {
  if (host !== os.hostname()) return Date.now() - lastSeen < SILENT_MS;
  return isRunning(pid);
}

/** Whether a process of this machine runs. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
