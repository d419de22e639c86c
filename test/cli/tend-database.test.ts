/** The embedded server's database before a server opens it. */
import { cpSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { foldLog, tendDatabase } from '../../cli/tend-database.ts';

const OLD = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';
const newHome = () => path.join(mkdtempSync(path.join(tmpdir(), 'gtr-test-')), 'temporal.db');

function write(database: string, sql: string): void {
  const open = new DatabaseSync(database);
  open.exec(sql);
  open.close();
}
const rowsOf = (file: string) => {
  const open = new DatabaseSync(file, { readOnly: true });
  try {
    return open
      .prepare('SELECT name FROM runs')
      .all()
      .map(({ name }) => name);
  } finally {
    open.close();
  }
};

test('before another version of the CLI the database is copied; one copy is kept', async (t) => {
  const database = newHome();
  t.deepEqual(await tendDatabase(database, OLD), []); // there is none yet
  write(database, "CREATE TABLE runs (name TEXT); INSERT INTO runs VALUES ('first')");
  t.deepEqual(await tendDatabase(database, OLD), []);
  const [said] = await tendDatabase(database, 'temporal version 1.6.0');
  const copy = `${database}.before-temporal-version-1.5.1-Server-1.29.1-UI-2.42.1.backup`;
  t.true(said.endsWith(copy), said);
  write(database, "INSERT INTO runs VALUES ('second')");
  t.deepEqual(rowsOf(copy), ['first']);
  t.deepEqual(await tendDatabase(database, 'temporal version 1.6.0'), []);
  await tendDatabase(database, 'temporal version 1.7.0');
  const copies = readdirSync(path.dirname(database)).filter((name) => name.includes('.before-'));
  t.deepEqual(copies, ['temporal.db.before-temporal-version-1.6.0.backup']);
  t.deepEqual(rowsOf(path.join(path.dirname(database), copies[0])), ['first', 'second']);
});

test('space of forgotten runs is reclaimed', async (t) => {
  const database = newHome();
  write(database, "CREATE TABLE runs (name TEXT); INSERT INTO runs VALUES ('kept')");
  write(database, 'CREATE TABLE large (data BLOB); INSERT INTO large VALUES (zeroblob(50000000))');
  t.deepEqual(await tendDatabase(database, OLD), []); // all of it is used
  write(database, 'DELETE FROM large');
  t.true(statSync(database).size > 50_000_000);
  t.regex((await tendDatabase(database, OLD))[0], /was shrunk: 50\.1 MB before, 0\.0 MB now/);
  t.true(statSync(database).size < 100_000);
  t.deepEqual(rowsOf(database), ['kept']);
});

test('what a killed server left in its write-ahead log is in the file, the copy, and the smaller file', async (t) => {
  const database = newHome();
  await tendDatabase(database, OLD);
  const server = new DatabaseSync(database);
  server.exec("PRAGMA journal_mode=WAL; CREATE TABLE runs (name TEXT); INSERT INTO runs VALUES ('kept')");
  server.exec('CREATE TABLE large (data BLOB); INSERT INTO large VALUES (zeroblob(50000000)); DELETE FROM large');
  // As a kill leaves them: the log is not folded in.
  const [left, ended] = [newHome(), newHome()];
  for (const copy of [left, ended])
    for (const end of ['', '-wal', '.version']) cpSync(`${database}${end}`, `${copy}${end}`);
  server.close();
  t.true(statSync(`${left}-wal`).size > 50_000_000);
  const said = await tendDatabase(left, 'temporal version 1.6.0');
  t.regex(said[1], /was shrunk: 50\.1 MB before, 0\.0 MB now/);
  t.deepEqual(rowsOf(said[0].split(': ')[1]), ['kept']);
  t.deepEqual(rowsOf(left), ['kept']);

  foldLog(ended);
  t.deepEqual(readdirSync(path.dirname(ended)), ['temporal.db', 'temporal.db.version']);
  t.deepEqual(rowsOf(ended), ['kept']);
});
