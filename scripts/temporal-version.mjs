// @ts-check
/**
 * The pinned Temporal CLI: which versions are accepted, and where it is found. Plain JavaScript: the set-up runs it on
 * any Node from version 20.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** The CLI that the set-up downloads, and the oldest that is accepted. */
export const TEMPORAL_VERSION = '1.5.1';
/** The server inside it: a CLI built from source has no version number of its own. */
export const TEMPORAL_SERVER_VERSION = '1.29.1';

/**
 * Where the downloaded CLI is kept for a user, shared by all checkouts.
 * @returns {string}
 */
export function cachedTemporal() {
  return path.join(
    process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'),
    'gtr',
    `temporal-${TEMPORAL_VERSION}`,
    'temporal',
  );
}

/**
 * Path of a usable `temporal`: on PATH if new enough, else the cached one; null without either.
 * @returns {string | null}
 */
export function findTemporal() {
  const installed = onPath('temporal');
  if (installed !== null && isNewEnough(versionLine(installed))) return installed;
  return existsSync(cachedTemporal()) ? cachedTemporal() : null;
}

/**
 * The output of `temporal --version`; null if it does not run.
 * @param {string} binary
 * @returns {string | null}
 */
export function versionLine(binary) {
  try {
    return execFileSync(binary, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

/**
 * Whether a version line such as `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)` names a CLI that is new enough.
 * @param {string | null} line
 * @returns {boolean}
 */
export function isNewEnough(line) {
  const [, cli, server] = /^temporal version (\S+)(?: \(Server ([\d.]+))?/.exec(line ?? '') ?? [];
  if (cli === undefined) return false;
  return cli.startsWith('0.0.0')
    ? server !== undefined && atLeast(server, TEMPORAL_SERVER_VERSION)
    : atLeast(cli, TEMPORAL_VERSION);
}

/**
 * @param {string} version
 * @param {string} minimum
 */
function atLeast(version, minimum) {
  const [have, need] = [version, minimum].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  const place = need.findIndex((number, index) => (have[index] ?? 0) !== number);
  return place < 0 || (have[place] ?? 0) > need[place];
}

/**
 * @param {string} name
 * @returns {string | null}
 */
function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return null;
}
