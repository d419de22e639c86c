/** The artifact store's size on disk during a study. */
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const INTERVAL_MS = 60_000;

/** `at`: seconds since 1970; `activity`: the running activity. */
export type DiskPoint = { at: number; bytes: number; activity: string };

/** Appends a point to `file` each minute, until the process ends or the returned function is called. */
export function recordDisk(file: string, folder: string, activity: () => Promise<string>): () => void {
  mkdirSync(path.dirname(file), { recursive: true });
  const record = async () => {
    if (!existsSync(folder)) return;
    // Files come and go while du counts: it warns, and prints the sum of the others.
    const { stdout } = await promisify(execFile)('du', ['-s', '--block-size=1', folder]).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
    );
    const bytes = Number(stdout.split('\t')[0]);
    if (bytes > 0)
      appendFileSync(
        file,
        `${JSON.stringify({ at: Math.round(Date.now() / 1000), bytes, activity: await activity() } satisfies DiskPoint)}\n`,
      );
  };
  const timer = setInterval(() => void record().catch(() => {}), INTERVAL_MS);
  return () => clearInterval(timer);
}

export function readDiskCurve(file: string): DiskPoint[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as DiskPoint);
}
