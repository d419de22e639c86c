/** Finds and stops a Temporal server whose `gtr up` was killed, by the process id that `gtr up` recorded. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Time that it gets to exit after SIGTERM. */
const GRACE_MS = 10_000;

/** The file with the process id of a home's server. */
function pidFile(home: string): string {
  return path.join(home, 'server.pid');
}

export function rememberServer(home: string, pid: number): void {
  writeFileSync(pidFile(home), `${pid}\n`);
}

export function forgetServer(home: string): void {
  rmSync(pidFile(home), { force: true });
}

/**
 * Stops the server on this home's database that an earlier owner left running; returns its process id, or null if there
 * is none. Only for the owner of the home.
 */
export async function stopLeftoverServer(home: string, database: string): Promise<number | null> {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile(home), 'utf8'));
  } catch {
    return null;
  }
  // Another process may have the number by now.
  const left = () => commandOf(pid).includes(database);
  if (!(pid > 0) || !left()) return null;
  for (const [signal, time] of [
    ['SIGTERM', GRACE_MS],
    ['SIGKILL', GRACE_MS],
  ] as const) {
    if (!left()) break;
    process.kill(pid, signal);
    for (const end = Date.now() + time; left() && Date.now() < end;) await sleep(50);
  }
  forgetServer(home);
  return pid;
}

/** The command line of a process; empty if it does not exist. */
function commandOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
