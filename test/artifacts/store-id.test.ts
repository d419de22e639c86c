/** Records that only the first may write, as a new store's id. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { storeId } from '../../core/artifacts/store-id.ts';

/** A worker of a busy machine: it pauses between its look and its write. */
class PausedStore extends FileStore {
  override async getRecord<T>(name: string): Promise<T | undefined> {
    const found = await super.getRecord<T>(name);
    if (found === undefined) await sleep(1000);
    return found;
  }
}

test('of many that create a record at once, one does', async (t) => {
  const store = new FileStore(await mkdtemp(path.join(tmpdir(), 'gtr-store-')));
  const created = await Promise.all(Array.from({ length: 32 }, (_, one) => store.createRecord('first', { one })));
  t.is(created.filter(Boolean).length, 1);
  t.deepEqual(await store.getRecord('first'), { one: created.indexOf(true) });
  t.false(await store.createRecord('first', null));
  t.deepEqual(await Array.fromAsync(store.list()), []); // no unfinished file
});

test('workers that start at once agree on the id, however slow one of them is', async (t) => {
  const root = await mkdtemp(path.join(tmpdir(), 'gtr-store-'));
  const [quick, paused] = await Promise.all([storeId(new FileStore(root)), storeId(new PausedStore(root))]);
  t.is(paused, quick);
  t.is(await storeId(new FileStore(root)), quick);
});
