/** One suite over all artifact stores. */
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { getJson, putJson } from '../../artifacts/codecs.ts';
import { FileStore } from '../../artifacts/file-store.ts';
import type { ArtifactStore } from '../../artifacts/store.ts';

type Subject = { store: ArtifactStore; damage(sha256: string): Promise<void>; contents(): Promise<string[]> };

const makers: Record<string, () => Promise<Subject>> = {
  'file store': async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'gtr-store-'));
    return {
      store: new FileStore(root),
      damage: (sha256) => writeFile(path.join(root, sha256.slice(0, 2), sha256), 'damaged'),
      contents: async () => (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name),
    };
  },
};

const bytes = (text: string) => new TextEncoder().encode(text);

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: content comes back under its hash, equal contents are one artifact`, async (t) => {
    const { store, contents } = await make();
    const ref = await store.put('note', bytes('hello'));
    t.is(ref.sha256, '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');
    t.is(ref.bytes, 5);
    await Promise.all([store.put('note', bytes('hello')), store.put('note', bytes('hello'))]);
    t.deepEqual(await contents(), [ref.sha256]);
    t.deepEqual(Buffer.from(await store.get(ref)).toString(), 'hello');
    t.true(await store.has(ref));
  });

  test(`${name}: a missing or damaged artifact is one clear error, and storing it again mends it`, async (t) => {
    const { store, damage } = await make();
    const ref = await store.put('note', bytes('hello'));
    await t.throwsAsync(store.get({ ...ref, sha256: '0'.repeat(64) }), { name: 'ArtifactError', message: /missing/ });
    t.false(await store.has({ ...ref, sha256: '0'.repeat(64) }));
    await damage(ref.sha256);
    await t.throwsAsync(store.get(ref), { name: 'ArtifactError', message: /damaged/ });
    await store.put('note', bytes('hello'));
    t.is(Buffer.from(await store.get(ref)).toString(), 'hello');
  });

  test(`${name}: JSON travels as it was`, async (t) => {
    const { store } = await make();
    const value = { numbers: [1, 0.1, -2.5e-9], text: 'é', nested: { none: null } };
    const ref = await putJson(store, 'json', value);
    t.deepEqual(await getJson(store, ref), value);
    t.is((await putJson(store, 'json', value)).sha256, ref.sha256);
  });
}
