/** One suite over all artifact stores. */
import { mkdtemp, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { getJson, putJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { S3Store } from '../../core/artifacts/s3-store.ts';
import type { ArtifactRef, ArtifactStore } from '../../core/artifacts/store.ts';
import { BUCKET, CREDENTIALS, type S3Server, startS3Server } from './s3-server.ts';

/** `file`: the path of an artifact, to damage or age it. */
type Subject = { store: ArtifactStore; file(ref: ArtifactRef): string };

let server: S3Server;
let prefixes = 0;
test.before(async () => {
  server = await startS3Server();
  Object.assign(process.env, CREDENTIALS, { AWS_ENDPOINT_URL_S3: server.endpoint });
});
test.after.always(() => server?.stop());

const key = ({ sha256 }: ArtifactRef) => `${sha256.slice(0, 2)}/${sha256}`;

const makers: Record<string, () => Promise<Subject>> = {
  'file store': async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'gtr-store-'));
    return { store: new FileStore(root), file: (ref) => path.join(root, key(ref)) };
  },
  'S3 store': async () => {
    const prefix = `team/store-${prefixes++}`;
    return { store: new S3Store(`s3://${BUCKET}/${prefix}`), file: (ref) => server.file(`${prefix}/${key(ref)}`) };
  },
};

const bytes = (text: string) => new TextEncoder().encode(text);
const collect = async <T>(values: AsyncIterable<T>) => await Array.fromAsync(values);

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: content comes back under its hash, equal contents are one artifact`, async (t) => {
    const { store } = await make();
    const ref = await store.put('note', bytes('hello'));
    t.is(ref.sha256, '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');
    t.is(ref.bytes, 5);
    await Promise.all([store.put('note', bytes('hello')), store.put('other', bytes('hello'))]);
    const listed = await collect(store.list());
    t.deepEqual(
      listed.map(({ sha256, bytes }) => ({ sha256, bytes })),
      [{ sha256: ref.sha256, bytes: 5 }],
    );
    t.true(Math.abs(listed[0].modified.getTime() - Date.now()) < 60_000);
    t.is(Buffer.from(await store.get(ref)).toString(), 'hello');
    t.true(await store.has(ref));
  });

  test(`${name}: a missing or damaged artifact is one clear error, and storing it again repairs it`, async (t) => {
    const { store, file } = await make();
    const ref = await store.put('note', bytes('hello'));
    const absent = { ...ref, sha256: '0'.repeat(64) };
    await t.throwsAsync(store.get(absent), {
      name: 'ArtifactError',
      message:
        `Artifact note ${absent.sha256} is missing in ${store.location}; restore it from a backup or start the ` +
        `run again`,
    });
    t.false(await store.has(absent));
    await writeFile(file(ref), 'hellO'); // of the same size
    await t.throwsAsync(store.get(ref), {
      name: 'ArtifactError',
      message: new RegExp(`^Artifact note ${ref.sha256} in .* is damaged; delete ${key(ref)} there and restore it`),
    });
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

  test(`${name}: a removed artifact is gone, one that was stored again meanwhile stays`, async (t) => {
    const { store, file } = await make();
    const [first, second] = [await store.put('note', bytes('first')), await store.put('note', bytes('second'))];
    const longAgo = new Date('2020-01-01');
    await utimes(file(first), longAgo, longAgo);
    const [listed] = (await collect(store.list())).filter(({ sha256 }) => sha256 === first.sha256);
    t.deepEqual(listed.modified, longAgo);
    await store.put('note', bytes('first'));
    t.false(await store.remove(listed));
    t.true(await store.has(first));
    for (const artifact of await collect(store.list())) t.true(await store.remove(artifact));
    t.deepEqual(await collect(store.list()), []);
    t.false(await store.has(second));
  });

  test(`${name}: records are found by name and are no artifacts`, async (t) => {
    const { store } = await make();
    t.deepEqual(await store.listRecords('runs'), []);
    t.is(await store.getRecord('runs/a/iteration-0'), undefined);
    await store.putRecord('runs/a/iteration-1', { loss: 0.5 });
    await store.putRecord('runs/a/iteration-0', { loss: 1 });
    await store.putRecord('runs/a/iteration-0', { loss: 2 });
    await store.putRecord('runs/ab/iteration-0', null);
    t.deepEqual(await store.listRecords('runs/a'), ['runs/a/iteration-0', 'runs/a/iteration-1']);
    t.is((await store.listRecords('runs')).length, 3);
    t.deepEqual(await store.getRecord('runs/a/iteration-0'), { loss: 2 });
    t.deepEqual(await collect(store.list()), []);
    await store.removeRecord('runs/a/iteration-0');
    await store.removeRecord('runs/a/iteration-0');
    t.deepEqual(await store.listRecords('runs/a'), ['runs/a/iteration-1']);
  });
}
