/** CPU time that processes took so far, from Linux's /proc. */
import { readFileSync } from 'node:fs';

/** Ticks of Linux's clock in a second, as user programs see it. */
const TICKS = 100;

/** All threads of these processes together; null where the system does not say. */
export function cpuSeconds(pids: readonly number[]): number | null {
  try {
    return pids.reduce((sum, pid) => sum + ticks(pid), 0) / TICKS;
  } catch {
    return null;
  }
}

/** Fields 14 and 15, in user and in kernel mode; the name before them may hold anything, up to its last parenthesis. */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
