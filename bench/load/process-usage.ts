/** A process's resource usage, from Linux's /proc. */
import { readFileSync } from 'node:fs';

/** Clock ticks in a second, the same on every Linux that Node runs on. */
const TICKS = 100;

/** CPU seconds of a process, or of one of its threads with `thread` (the main thread has the process's number). */
export function cpuSeconds(pid: number, thread?: number): number {
  const stat = readFileSync(`/proc/${pid}/${thread === undefined ? 'stat' : `task/${thread}/stat`}`, 'utf8');
  // After the name, which may contain spaces: user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory of a process in MiB. */
export function residentMebibytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}
