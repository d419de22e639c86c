/** The pinned Temporal CLI: its version and its place in the per-user cache. Plain JavaScript: the set-up reads it on any Node from 20. */
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';

export const TEMPORAL_VERSION = '1.5.1';

/** @returns {string} */
export function cachedTemporal() {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return path.join(cache, 'gtr', `temporal-${TEMPORAL_VERSION}`, process.platform === 'win32' ? 'temporal.exe' : 'temporal');
}

/**
 * The version of a temporal binary; null when it does not run.
 * @param {string} binary
 * @returns {string | null}
 */
export function versionOf(binary) {
  try {
    return /version (\d+\.\d+\.\d+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {string | null} version
 * @returns {boolean}
 */
export function isNewEnough(version) {
  if (version === null) return false;
  const [have, want] = [version, TEMPORAL_VERSION].map((text) => text.split('.').map(Number));
  const index = have.findIndex((number, place) => number !== want[place]);
  return index < 0 || have[index] > want[index];
}
