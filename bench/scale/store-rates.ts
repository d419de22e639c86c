/** The read and write rates of this machine's store, including hashing. */
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FileStore } from '../../core/artifacts/file-store.ts';

const OWNER = { run: 'scale', slot: 'rate' };

/** Seconds per byte, wall clock and CPU: the least of the repeats, because other work may be running. */
export type StoreRates = Record<'read' | 'write', { clock: number; cpu: number }>;

/**
 * For contents of this size in a new folder below `folder`. Reads come from the page cache, as they do right after
 * another process wrote.
 */
export async function storeRates(folder: string, bytes: number, repeats: number): Promise<StoreRates> {
  const place = mkdtempSync(path.join(folder, 'gtr-scale-'));
  const store = new FileStore(place);
  const least = { read: { clock: Infinity, cpu: Infinity }, write: { clock: Infinity, cpu: Infinity } };
  const time = async <T>(what: keyof StoreRates, work: () => Promise<T>): Promise<T> => {
    const [clock, cpu] = [performance.now(), process.cpuUsage()];
    const result = await work();
    const { user, system } = process.cpuUsage(cpu);
    least[what].clock = Math.min(least[what].clock, (performance.now() - clock) / 1e3 / bytes);
    least[what].cpu = Math.min(least[what].cpu, (user + system) / 1e6 / bytes);
    return result;
  };
  try {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const data = new Uint8Array(bytes).fill(repeat + 1);
      const ref = await time('write', () => store.putHeld(OWNER, 'gradient', data));
      await time('read', () => store.get(ref));
      await store.release(OWNER, ref);
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  return least;
}
