/** CPU time that processes have used so far, from Linux's /proc. */
import { readFileSync } from 'node:fs';

/** Ticks a second of Linux's clock as user programs see it. */
const TICKS = 100;

/** All threads of these processes together; null if the system does not report it. */
export function cpuSeconds(pids: readonly number[]): number | null {
  try {
    return pids.reduce((sum, pid) => sum + ticks(pid), 0) / TICKS;
  } catch {
    return null;
  }
}

/**
 * Fields 14 and 15: user and kernel mode. The name before them may contain anything; it ends at the last parenthesis.
 */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
