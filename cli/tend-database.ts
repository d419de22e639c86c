/** Maintenance of the embedded server's database before a server opens it. Only for the owner of the home. */
import { existsSync, globSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { writeDurably } from '../core/artifacts/file-store.ts';
import { megabytes } from '../core/artifacts/megabytes.ts';

/** The least free space to reclaim, if it is also more than half of the database. */
const GIVEN_BACK_BYTES = 32 * 2 ** 20;

/**
 * Copies the database before another version of the CLI opens it, which may change its tables for good; and reclaims
 * the space of runs that the server has forgotten. `version`: the CLI's own version text. Returns sentences for people.
 */
export async function tendDatabase(database: string, version: string): Promise<string[]> {
  const note = `${database}.version`;
  const before = existsSync(note) ? readFileSync(note, 'utf8').trim() : null;
  const said = existsSync(database)
    ? [...(before === null || before === version ? [] : [await keepCopy(database, before)]), ...giveBack(database)]
    : [];
  await writeDurably(note, `${version}\n`);
  return said;
}

/** Merges the write-ahead log into the database, so that it is one file. No server may be using the database. */
export function foldLog(database: string): void {
  if (!existsSync(`${database}-wal`)) return;
  try {
    const open = new DatabaseSync(database);
    open.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    open.close(); // the last one to close it removes the log
  } catch {
    // No space: the next server will read the log.
  }
}

/** Copies the database beside itself; an older copy is removed once the new one is complete. */
async function keepCopy(database: string, before: string): Promise<string> {
  const copy = `${database}.before-${before.replaceAll(/[^\w.]+/g, '-').replace(/-$/, '')}.backup`;
  const older = globSync(`${path.basename(database)}.before-*.backup`, { cwd: path.dirname(database) });
  const source = new DatabaseSync(database);
  try {
    await backup(source, `${copy}.part`);
  } finally {
    source.close();
  }
  await writeDurably(copy, readFileSync(`${copy}.part`));
  for (const name of [`${path.basename(copy)}.part`, ...older])
    if (name !== path.basename(copy)) rmSync(path.join(path.dirname(database), name));
  return `The database was last opened by another version (${before}); a copy of it is kept: ${copy}`;
}

function giveBack(database: string): string[] {
  const open = new DatabaseSync(database);
  let size: number;
  try {
    const value = (pragma: string) => Number(Object.values(open.prepare(`PRAGMA ${pragma}`).get()!)[0]);
    size = value('page_count') * value('page_size');
    const free = value('freelist_count') * value('page_size');
    if (free < GIVEN_BACK_BYTES || 2 * free < size) return [];
    open.exec('VACUUM');
  } catch {
    return []; // no space for the smaller copy: keep the large one
  } finally {
    open.close();
  }
  return [`${database} was shrunk: ${megabytes(size)} before, ${megabytes(statSync(database).size)} now.`];
}
