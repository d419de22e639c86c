/** Artifacts as files `<root>/<first two hex digits>/<sha256>`: atomic, durable, idempotent. */
import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, mkdir, open, opendir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { type Entry, KeyedStore, lengthOf, pieces } from './keyed-store.ts';
import type { Content } from './store.ts';

export class FileStore extends KeyedStore {
  readonly location: string;

  constructor(root: string) {
    super();
    this.location = root;
  }

  protected async read(key: string): Promise<Uint8Array | undefined> {
    return await readWhole(this.#path(key)).catch(ignoreMissing);
  }

  protected async write(key: string, data: Content): Promise<void> {
    const target = this.#path(key);
    // A damaged file of the same name is replaced, not trusted.
    const now = new Date();
    const renewed =
      (await holdsExactly(target, data)) && (await utimes(target, now, now).then(() => true, ignoreMissing));
    // It may also have been removed just now.
    if (!renewed) await writeDurably(target, data);
  }

  protected async create(key: string, data: Uint8Array): Promise<boolean> {
    try {
      await writeDurably(this.#path(key), data, linkOrCopy);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  protected async move(key: string, to: string): Promise<boolean> {
    const [from, target] = [this.#path(key), this.#path(to)];
    await mkdir(path.dirname(target), { recursive: true });
    const moved = await rename(from, target).then(() => true, ignoreMissing);
    if (moved) await Promise.all([path.dirname(from), path.dirname(target)].map(syncFolder));
    return moved === true;
  }

  protected async look(key: string): Promise<Entry | undefined> {
    const info = await stat(this.#path(key)).catch(ignoreMissing);
    return info && { key, bytes: info.size, modified: info.mtime };
  }

  protected async *entries(prefix: string): AsyncIterable<Entry> {
    const folder = await opendir(this.#path(prefix), { recursive: true }).catch(ignoreMissing);
    if (folder === undefined) return;
    for await (const entry of folder) {
      if (!entry.isFile()) continue;
      const found = await this.look(
        path.relative(this.location, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'),
      );
      if (found !== undefined) yield found;
    }
  }

  protected async erase(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    return path.join(this.location, key);
  }
}

/** Gives a file a second name that must not exist yet, or copies it where file systems have no second names. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await rm(from);
}

/** What file systems without hard links answer. */
const NO_LINKS = new Set<string | undefined>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

type Place = (temporary: string, target: string) => Promise<void>;

/** One read call takes less than 2 GiB. */
const LONGEST_READ = 2 ** 30;

/** A file of any size. */
async function readWhole(file: string): Promise<Uint8Array> {
  const opened = await open(file, 'r');
  try {
    const data = new Uint8Array((await opened.stat()).size);
    for (let done = 0; done < data.length;) {
      const { bytesRead } = await opened.read(data, done, Math.min(data.length - done, LONGEST_READ), done);
      if (bytesRead === 0) return data.subarray(0, done); // cut short meanwhile: its hash will not match
      done += bytesRead;
    }
    return data;
  } finally {
    await opened.close();
  }
}

/** Whether a file exists with this content, checked without reading it into memory. */
async function holdsExactly(file: string, data: Content): Promise<boolean> {
  const opened = await open(file, 'r').catch(ignoreMissing);
  if (opened === undefined) return false;
  try {
    const length = lengthOf(data);
    if ((await opened.stat()).size !== length) return false;
    const part = Buffer.alloc(Math.min(length, COMPARED_AT_ONCE));
    for (const piece of pieces(data))
      for (let done = 0; done < piece.length;) {
        const { bytesRead } = await opened.read(part, 0, Math.min(part.length, piece.length - done));
        if (bytesRead === 0 || part.compare(piece, done, done + bytesRead, 0, bytesRead) !== 0) return false;
        done += bytesRead;
      }
    return true;
  } finally {
    await opened.close();
  }
}

const COMPARED_AT_ONCE = 2 ** 22;

/**
 * Writes a file so that after a crash at any moment either the old content or the complete new one is there. A writer
 * that is killed leaves `.<name>.<uuid>` behind. `place`: gives the complete file its name.
 */
export async function writeDurably(target: string, data: Content | string, place: Place = rename): Promise<void> {
  const folder = path.dirname(target);
  const created = await mkdir(folder, { recursive: true });
  const temporary = path.join(folder, `.${path.basename(target)}.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const piece of typeof data === 'string' ? [data] : pieces(data)) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw NO_SPACE.has((error as NodeJS.ErrnoException).code)
      ? new Error(`No space is left to write ${target}; free some (\`./gtr gc\` shows what no run needs)`, {
          cause: error,
        })
      : error;
  }
  await syncFolder(folder);
  // New folders are durable only if their parents are.
  if (created !== undefined)
    for (
      let parent = path.dirname(folder);
      parent.length >= path.dirname(created).length;
      parent = path.dirname(parent)
    )
      await syncFolder(parent);
}

/** A full disk, a quota used up, a limit on the size of files. */
const NO_SPACE = new Set<string | undefined>(['ENOSPC', 'EDQUOT', 'EFBIG']);

async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
