// @ts-check
/** A lock between processes: a file that its holder keeps touching. */
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './progress.mjs';

/**
 * Runs `work` while no other process holds the lock. A holder that died leaves the file behind: if it was not touched
 * for `staleMs`, it is ignored. (Two waiters may then both continue; work done twice must be harmless, e.g. because its
 * last step is a rename.)
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {number} staleMs
 * @returns {Promise<T>}
 */
export async function withLock(file, work, staleMs = 10_000) {
  mkdirSync(path.dirname(file), { recursive: true });
  let waited = false;
  while (!acquire(file)) {
    if (age(file) > staleMs) {
      rmSync(file, { force: true });
      continue;
    }
    if (!waited) say('Waiting for another set-up ...');
    waited = true;
    await sleep(Math.min(250, staleMs / 4));
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  const touch = setInterval(() => utimesSync(file, new Date(), new Date()), staleMs / 5);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    process.off('exit', release);
    release();
  }
}

/** @param {string} file */
function acquire(file) {
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Milliseconds since the file was touched; 0 if it has just been removed.
 * @param {string} file
 */
function age(file) {
  const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
  return Date.now() - mtimeMs;
}
