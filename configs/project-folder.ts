/** The project's folder, where relative paths of a configuration start. */
import path from 'node:path';

/** The project's top folder. */
export const PROJECT = path.resolve(import.meta.dirname, '..');

/** The model folder of a configuration as an absolute path. */
export function modelFolder(base: string): string {
  return path.resolve(PROJECT, base);
}
