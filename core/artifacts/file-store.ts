/** Artifacts as files `<root>/<first two hex digits>/<sha256>`: atomic, durable, idempotent. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, opendir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { type Entry, KeyedStore } from './keyed-store.ts';

export class FileStore extends KeyedStore {
  readonly place: string;

  constructor(root: string) {
    super();
    this.place = root;
  }

  protected async read(key: string): Promise<Uint8Array | undefined> {
    return await readFile(this.#path(key)).catch(ignoreMissing);
  }

  protected async write(key: string, data: Uint8Array): Promise<void> {
    const target = this.#path(key);
    const existing = await readFile(target).catch(ignoreMissing);
    // A damaged file of the same name is replaced, not trusted.
    if (existing === undefined || !existing.equals(data)) return await writeDurably(target, data);
    const now = new Date();
    await utimes(target, now, now);
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
        path.relative(this.place, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'),
      );
      if (found !== undefined) yield found;
    }
  }

  protected async erase(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    return path.join(this.place, key);
  }
}

/**
 * Writes a file so that after a crash at any moment either the old or the whole new content is there. A writer that is
 * killed leaves
 * `.<name>.<uuid>` behind.
 */
export async function writeDurably(target: string, data: Uint8Array | string): Promise<void> {
  const folder = path.dirname(target);
  const created = await mkdir(folder, { recursive: true });
  const temporary = path.join(folder, `.${path.basename(target)}.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw NO_SPACE.has((error as NodeJS.ErrnoException).code)
      ? new Error(`No space is left to write ${target}; free some (\`./gtr gc\` shows what no run needs)`, {
          cause: error,
        })
      : error;
  }
  await syncFolder(folder);
  // New folders last only when their parents do.
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
