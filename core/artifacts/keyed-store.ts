/**
 * The artifact store over any backend that keeps bytes under keys: addresses, hash checks and records are the same
 * everywhere.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { mapConcurrently } from './map-concurrently.ts';
import {
  ArtifactError,
  type ArtifactRef,
  type ArtifactStore,
  type Content,
  type Hold,
  type Owner,
  type StoredArtifact,
} from './store.ts';

/** One key of a backend. */
export type Entry = { key: string; bytes: number; modified: Date };

/** Leftovers of a killed `writeDurably`: `.<name>.<uuid>` beside the file. */
const UNFINISHED = /(^|\/)\.[^/]+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Hexadecimal SHA-256. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Bytes that are hashed at a time, so that the event loop can run (heartbeats, lanes' answers). */
const HASHED_AT_ONCE = 2 ** 23;

/** The same for large data, yielding to the event loop in between. */
async function sha256Piecewise(data: Content): Promise<string> {
  const hash = createHash('sha256');
  for (const piece of pieces(data))
    for (let from = 0; from < piece.length; from += HASHED_AT_ONCE) {
      if (from > 0) await nextTick();
      hash.update(piece.subarray(from, from + HASHED_AT_ONCE));
    }
  return hash.digest('hex');
}

export function pieces(data: Content): readonly Uint8Array[] {
  return data instanceof Uint8Array ? [data] : data;
}

export function lengthOf(data: Content): number {
  return pieces(data).reduce((sum, { length }) => sum + length, 0);
}

/** Owner of contents stored without one, or before owners existed: kept until gc finds that nothing refers to them. */
const UNKNOWN: Owner = { run: '', slot: 'unknown' };

/** Artifacts lie under `<first two hex digits>/<sha256>`, records under `records/<name>.json`. */
export abstract class KeyedStore implements ArtifactStore {
  abstract readonly location: string;

  /** Undefined if the key does not exist; throws on any other failure. */
  protected abstract read(key: string): Promise<Uint8Array | undefined>;
  /**
   * Durable and atomic. Also renews the key's `modified` when the same bytes are there. `hash`: hexadecimal SHA-256 of
   * `data`, where it is known.
   */
  protected abstract write(key: string, data: Content, hash?: string): Promise<void>;
  /** `write` where the key does not exist; returns whether it did. Of several callers at once one does. */
  protected abstract create(key: string, data: Uint8Array): Promise<boolean>;
  /** Renames the key, atomically or so that both keys exist meanwhile; false if it does not exist. */
  protected abstract move(key: string, to: string): Promise<boolean>;
  protected abstract look(key: string): Promise<Entry | undefined>;
  protected abstract entries(prefix: string): AsyncIterable<Entry>;
  /** Removing a key that does not exist is not an error. */
  protected abstract erase(key: string): Promise<void>;

  async put(kind: string, data: Content): Promise<ArtifactRef> {
    const ref = { sha256: await sha256Piecewise(data), bytes: lengthOf(data), kind };
    await this.write(artifactKey(ref.sha256), data, ref.sha256);
    return ref;
  }

  async putHeld(owner: Owner, kind: string, data: Content): Promise<ArtifactRef> {
    const ref = { sha256: await sha256Piecewise(data), bytes: lengthOf(data), kind };
    await this.#putHold(owner, ref);
    await this.write(artifactKey(ref.sha256), data, ref.sha256);
    return ref;
  }

  async hold(owner: Owner, ref: ArtifactRef): Promise<boolean> {
    await this.#putHold(owner, ref);
    if (await this.has(ref)) return true;
    await this.erase(holdKey(owner, ref.sha256));
    return false;
  }

  async release(owner: Owner, ref: ArtifactRef, aside: () => Promise<void> = async () => {}): Promise<boolean> {
    const [hold, leaving] = [holdKey(owner, ref.sha256), leavingKey(owner, ref.sha256)];
    if ((await this.look(leaving)) === undefined) {
      if ((await this.look(hold)) === undefined) return false; // an owner removes only what it held
      await this.write(leaving, holdContent(owner, ref));
    }
    await this.erase(hold);
    const removed = !(await this.isHeld(ref)) && (await this.#takeAway(ref.sha256, aside));
    await this.erase(leaving);
    return removed;
  }

  async #takeAway(hash: string, aside: () => Promise<void>): Promise<boolean> {
    const [key, away] = [artifactKey(hash), `${ASIDE}${hash}.${randomUUID()}`];
    if (!(await this.move(key, away)) && !((await this.#fetchBack(hash)) && (await this.move(key, away)))) return false;
    for (;;) {
      await aside();
      // An owner who came before the move has its hold: then it goes back. One who comes after the move finds nothing
      // and stores it.
      if (await this.#isHeld(hash)) {
        await this.move(away, key);
        return false;
      }
      await this.erase(away);
      // A reader without a hold may have moved it back.
      if ((await this.look(key)) === undefined || (await this.#isHeld(hash)) || !(await this.move(key, away)))
        return true;
    }
  }

  async isHeld({ sha256 }: ArtifactRef): Promise<boolean> {
    return await this.#isHeld(sha256);
  }

  async holds(run?: string): Promise<Hold[]> {
    const keys: string[] = [];
    for await (const { key } of this.entries(HOLDS))
      if (key.endsWith('.json') && (run === undefined || key.includes(`.${shortHash(run)}.`))) keys.push(key);
    const found = await mapConcurrently(keys, async (key) => {
      const data = await this.read(key);
      return data === undefined ? [] : [JSON.parse(Buffer.from(data).toString('utf8')) as Hold];
    });
    return found.flat().filter((hold) => run === undefined || hold.run === run);
  }

  async forgetHolds(hash: string): Promise<void> {
    for await (const { key } of this.#marksOf(hash)) await this.erase(key);
  }

  async #putHold(owner: Owner, ref: ArtifactRef): Promise<void> {
    // In this order: if a content exists, its owner has held it before.
    const there = (await this.look(artifactKey(ref.sha256))) !== undefined;
    if (there && !(await any(this.#marksOf(ref.sha256))))
      await this.write(holdKey(UNKNOWN, ref.sha256), holdContent(UNKNOWN, ref));
    await this.write(holdKey(owner, ref.sha256), holdContent(owner, ref));
  }

  /** Holds on a content, and the rest of holds that are being released. */
  async *#marksOf(hash: string): AsyncIterable<Entry> {
    const name = holdName(hash);
    for await (const entry of this.entries(name.slice(0, name.lastIndexOf('/') + 1)))
      if (entry.key.startsWith(name) && entry.key.endsWith('.json')) yield entry;
  }

  async #isHeld(hash: string): Promise<boolean> {
    for await (const { key } of this.#marksOf(hash)) if (!key.endsWith(LEAVING)) return true;
    return false;
  }

  /**
   * Moves back what was moved aside by a release that died half-way, or by one that is running and will find it gone.
   */
  async #fetchBack(hash: string): Promise<boolean> {
    for await (const { key } of this.entries(ASIDE))
      if (key.startsWith(`${ASIDE}${hash}.`) && (await this.move(key, artifactKey(hash)))) return true;
    return (await this.look(artifactKey(hash))) !== undefined;
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    const key = artifactKey(ref.sha256);
    const data = (await this.read(key)) ?? ((await this.#fetchBack(ref.sha256)) ? await this.read(key) : undefined);
    if (data === undefined)
      throw new ArtifactError(
        `Artifact ${ref.kind} ${ref.sha256} is missing in ${this.location}; restore it from a backup or start ` +
          'the run again',
      );
    if ((await sha256Piecewise(data)) !== ref.sha256)
      throw new ArtifactError(
        `Artifact ${ref.kind} ${ref.sha256} in ${this.location} is damaged; delete ${artifactKey(ref.sha256)} there ` +
          `and restore it from a backup`,
      );
    return data;
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    const key = artifactKey(ref.sha256);
    const found = (await this.look(key)) ?? ((await this.#fetchBack(ref.sha256)) ? await this.look(key) : undefined);
    return found?.bytes === ref.bytes;
  }

  async *list(): AsyncIterable<StoredArtifact> {
    // What a killed release left aside is an artifact like any other.
    for (const { key } of await Array.fromAsync(this.entries(ASIDE)))
      await this.#fetchBack(key.slice(ASIDE.length).split('.')[0]);
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

  async createRecord(name: string, value: unknown): Promise<boolean> {
    return await this.create(recordKey(name), Buffer.from(JSON.stringify(value)));
  }

  async getRecord<T>(name: string): Promise<T | undefined> {
    const data = await this.read(recordKey(name));
    if (data === undefined) return undefined;
    try {
      return JSON.parse(Buffer.from(data).toString('utf8')) as T;
    } catch {
      throw new ArtifactError(
        `Record ${name} in ${this.location} is damaged; delete ${recordKey(name)} there and restore it from a backup`,
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

/** The key of a content while it is being removed. */
const ASIDE = 'aside/';
const HOLDS = 'records/holds/';

/** Names of holds can be listed by content and filtered by run. */
function holdKey({ run, slot }: Owner, hash: string): string {
  return `${holdName(hash)}${shortHash(run)}.${shortHash(slot)}.json`;
}

/** An owner that is releasing: it no longer counts, and whoever finds it completes the release. */
function leavingKey(owner: Owner, hash: string): string {
  return holdKey(owner, hash).replace(/\.json$/, LEAVING);
}

const LEAVING = '.leaving.json';

function holdContent(owner: Owner, { sha256, bytes, kind }: ArtifactRef): Uint8Array {
  const hold: Hold = { ...owner, ref: { sha256, bytes, kind }, since: new Date().toISOString() };
  return Buffer.from(JSON.stringify(hold));
}

async function any(values: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _value of values) return true;
  return false;
}

function holdName(hash: string): string {
  return `${HOLDS}${hash.slice(0, 2)}/${hash}.`;
}

function shortHash(text: string): string {
  return sha256(Buffer.from(text)).slice(0, 16);
}

function artifactKey(hash: string): string {
  return `${hash.slice(0, 2)}/${hash}`;
}

function recordKey(name: string): string {
  return `records/${name}.json`;
}
