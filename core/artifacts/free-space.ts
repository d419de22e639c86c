/** Space on the disk of a store. */
import { existsSync, statfsSync } from 'node:fs';
import path from 'node:path';

/** Bytes that this user may still write to a location, which need not exist yet; null: not a folder (S3). */
export function freeSpace(location: string): number | null {
  const folder = nearestFolder(location);
  if (folder === null) return null;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** The location, or the nearest existing folder above it; null if it is not a folder (S3). */
export function nearestFolder(location: string): string | null {
  if (location.includes('://')) return null;
  let folder = path.resolve(location);
  while (!existsSync(folder)) folder = path.dirname(folder);
  return folder;
}
