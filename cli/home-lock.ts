/** Who has an installation's home: one `gtr up` or `npm start` at a time keeps a server and workers on it. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeDurably } from '../core/artifacts/file-store.ts';
import { UsageError } from './errors.ts';
import { FileLock } from './file-lock.ts';
import { makeFolder } from './make-folder.ts';

/** `address`: of the Temporal server that the owner uses; `since`: when it began, as ISO 8601. */
export type HomeOwner = { pid: number; host: string; since: string; address: string };

const LOCK = 'owner.lock';
/** Who holds it, as text. After a process was killed, what it names no longer counts. */
const OWNER = 'owner.json';

export class HomeLock {
  readonly #lock: FileLock;

  private constructor(lock: FileLock) {
    this.#lock = lock;
  }

  /** Takes the home for this process. Throws a sentence that names the process that has it. */
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

/** What the owner of a home last reported about itself; null if no owner did. */
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
