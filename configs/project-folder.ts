/** Where the project lies, from which relative paths of a configuration count. */
import path from 'node:path';

/** The project's top folder. */
export const PROJECT = path.resolve(import.meta.dirname, '..');

/** A model folder of a configuration as an absolute path. */
export function modelFolder(base: string): string {
  return path.resolve(PROJECT, base);
}
