import { existsSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { withLock } from '../../scripts/lock.mjs';

const lockFile = () => path.join(mkdtempSync(path.join(tmpdir(), 'gtr-lock-')), 'deeper', 'lock');

test('one holder at a time; the lock is let go of, after an error too', async (t) => {
  const file = lockFile();
  const events: string[] = [];
  const hold = (name: string) =>
    withLock(file, async () => {
      events.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`${name} out`);
      return name;
    });
  t.deepEqual((await Promise.all([hold('a'), hold('b')])).sort(), ['a', 'b']);
  const first = events[0][0];
  const second = first === 'a' ? 'b' : 'a';
  t.deepEqual(events, [`${first} in`, `${first} out`, `${second} in`, `${second} out`]);
  await t.throwsAsync(
    withLock(file, async () => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  );
  t.false(existsSync(file));
});

test('a lock that nobody touches any more counts for nothing', async (t) => {
  const file = lockFile();
  await withLock(file, async () => {}); // makes the folder
  writeFileSync(file, 'left by a process that died');
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(file, longAgo, longAgo);
  t.is(await withLock(file, async () => readFileSync(file, 'utf8')), '');
});
