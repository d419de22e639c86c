/** The memory of the machine that runs the graphs. */
import os from 'node:os';

/** Bytes that this process may take: the machine's memory, or a container's limit. */
export function hostMemory(): number {
  const allowed = process.constrainedMemory();
  return allowed > 0 ? Math.min(os.totalmem(), allowed) : os.totalmem();
}
