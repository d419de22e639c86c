/** Artifacts as files `<root>/<first two hex digits>/<sha256>`: atomic, durable, idempotent. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ArtifactError, type ArtifactRef, type ArtifactStore } from './store.ts';

export class FileStore implements ArtifactStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(kind: string, data: Uint8Array): Promise<ArtifactRef> {
    const ref = { sha256: sha256(data), bytes: data.byteLength, kind };
    const target = this.#path(ref);
    const existing = await readFile(target).catch(ignoreMissing);
    // A damaged file of the same name is replaced, not trusted.
    if (existing === undefined || sha256(existing) !== ref.sha256) await writeDurably(target, data);
    return ref;
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    const data = await readFile(this.#path(ref)).catch(ignoreMissing);
    if (data === undefined) throw new ArtifactError(`Artifact ${ref.kind} ${ref.sha256} is missing in ${this.#root}; restore it from a backup or start the run anew`);
    if (sha256(data) !== ref.sha256) throw new ArtifactError(`Artifact ${ref.kind} ${ref.sha256} in ${this.#root} is damaged; delete the file and restore it from a backup`);
    return data;
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    const info = await stat(this.#path(ref)).catch(ignoreMissing);
    return info?.size === ref.bytes;
  }

  #path({ sha256 }: ArtifactRef): string {
    return path.join(this.#root, sha256.slice(0, 2), sha256);
  }
}

/** Hexadecimal SHA-256. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Writes a file so that after a crash at any moment either the old or the whole new content is there. */
export async function writeDurably(target: string, data: Uint8Array | string): Promise<void> {
  const folder = path.dirname(target);
  await mkdir(folder, { recursive: true });
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
    throw error;
  }
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
