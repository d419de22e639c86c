/** Ownership of an installation's home: one `gtr up` or `npm start` at a time runs a server and workers on it. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeDurably } from '../core/artifacts/file-store.ts';
import { UsageError } from './errors.ts';
import { FileLock } from './file-lock.ts';
import { makeFolder } from './make-folder.ts';

/** `address`: that of the owner's Temporal server; `since`: when it began, as ISO 8601. */
export type HomeOwner = { pid: number; host: string; since: string; address: string };

const LOCK = 'owner.lock';
/** The owner, as text. It is stale after the process was killed. */
const OWNER = 'owner.json';

export class HomeLock {
  readonly #lock: FileLock;

  private constructor(lock: FileLock) {
    this.#lock = lock;
  }

  /** Takes the home for this process. Throws a sentence that names the owner, if another process has it. */
  static async take(home: string, address: string): Promise<HomeLock> {
    makeFolder(home);
    const lock = FileLock.take(path.join(home, LOCK));
    if (lock === null)
      throw new UsageError(
        `${home} is in use by ${describe(ownerOf(home))}; stop it first, or set GTR_HOME to another folder.`,
      );
    const owner: HomeOwner = { pid: process.pid, host: os.hostname(), since: new Date().toISOString(), address };
    await writeDurably(path.join(home, OWNER), `${JSON.stringify(owner)}\n`);
    return new HomeLock(lock);
  }

  release(): void {
    this.#lock.release();
  }
}

/** The last report of a home's owner about itself; null if there is none. */
function ownerOf(home: string): HomeOwner | null {
  try {
    return JSON.parse(readFileSync(path.join(home, OWNER), 'utf8')) as HomeOwner;
  } catch {
    return null;
  }
}

function describe(owner: HomeOwner | null): string {
  if (owner === null) return 'another `gtr up`';
  const { pid, host, since, address } = owner;
  return `\`gtr up\` or \`npm start\` (process ${pid} on ${host}, since ${since}, server ${address})`;
}
