/**
 * The artifact store over any place that keeps bytes under keys: addresses, hash checks and records are the same
 * everywhere.
 */
import { createHash } from 'node:crypto';
import { ArtifactError, type ArtifactRef, type ArtifactStore, type StoredArtifact } from './store.ts';

/** One key of a place. */
export type Entry = { key: string; bytes: number; modified: Date };

/** What a killed `writeDurably` leaves: `.<name>.<uuid>` beside the file. */
const UNFINISHED = /(^|\/)\.[^/]+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Hexadecimal SHA-256. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Artifacts lie under `<first two hex digits>/<sha256>`, records under `records/<name>.json`. */
export abstract class KeyedStore implements ArtifactStore {
  abstract readonly place: string;

  /** Undefined when the key is not there; any other trouble is thrown. */
  protected abstract read(key: string): Promise<Uint8Array | undefined>;
  /** Durably, wholly or not at all. Renews the key's `modified` also when the same bytes are there. */
  protected abstract write(key: string, data: Uint8Array): Promise<void>;
  protected abstract look(key: string): Promise<Entry | undefined>;
  protected abstract entries(prefix: string): AsyncIterable<Entry>;
  /** Removing what is not there is no error. */
  protected abstract erase(key: string): Promise<void>;

  async put(kind: string, data: Uint8Array): Promise<ArtifactRef> {
    const ref = { sha256: sha256(data), bytes: data.byteLength, kind };
    await this.write(artifactKey(ref.sha256), data);
    return ref;
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    const data = await this.read(artifactKey(ref.sha256));
    if (data === undefined)
      throw new ArtifactError(
        `Artifact ${ref.kind} ${ref.sha256} is missing in ${this.place}; restore it from a backup or start the run ` +
          `anew`,
      );
    if (sha256(data) !== ref.sha256)
      throw new ArtifactError(
        `Artifact ${ref.kind} ${ref.sha256} in ${this.place} is damaged; delete ${artifactKey(ref.sha256)} there ` +
          `and restore it from a backup`,
      );
    return data;
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    return (await this.look(artifactKey(ref.sha256)))?.bytes === ref.bytes;
  }

  async *list(): AsyncIterable<StoredArtifact> {
    for await (const entry of this.entries('')) {
      const hash = /^([0-9a-f]{2})\/(\1[0-9a-f]{62})$/.exec(entry.key)?.[2] ?? null;
      if (hash !== null || UNFINISHED.test(entry.key)) yield { ...entry, sha256: hash };
    }
  }

  async remove({ key, modified }: StoredArtifact): Promise<boolean> {
    const now = await this.look(key);
    if (now === undefined || now.modified > modified) return false;
    await this.erase(key);
    return true;
  }

  async putRecord(name: string, value: unknown): Promise<void> {
    await this.write(recordKey(name), Buffer.from(JSON.stringify(value)));
  }

  async getRecord<T>(name: string): Promise<T | undefined> {
    const data = await this.read(recordKey(name));
    if (data === undefined) return undefined;
    try {
      return JSON.parse(Buffer.from(data).toString('utf8')) as T;
    } catch {
      throw new ArtifactError(
        `Record ${name} in ${this.place} is damaged; delete ${recordKey(name)} there and restore it from a backup`,
      );
    }
  }

  async listRecords(folder: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { key } of this.entries(`records/${folder}/`))
      if (key.endsWith('.json')) names.push(key.slice('records/'.length, -'.json'.length));
    return names.sort();
  }

  async removeRecord(name: string): Promise<void> {
    await this.erase(recordKey(name));
  }
}

function artifactKey(hash: string): string {
  return `${hash.slice(0, 2)}/${hash}`;
}

function recordKey(name: string): string {
  return `records/${name}.json`;
}
