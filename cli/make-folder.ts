/** Creates a folder and its parents. */
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/**
 * Level by level, because Node's own recursive mode retries forever where the system refuses to create a folder, as in
 * /proc.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
