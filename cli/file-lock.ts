/** A lock that is released when its process ends, however it ends: SQLite's, which is the operating system's. */
import { DatabaseSync } from 'node:sqlite';

export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Takes the lock; null if another process has it. The file is created, and stays. */
  static take(file: string): FileLock | null {
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      if (!/database is locked/.test((error as Error).message)) throw error;
      return null;
    }
    return new FileLock(database);
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
