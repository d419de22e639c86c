/** References are followed through values; garbage is what no root reaches. Over both stores. */
import { mkdtempSync } from 'node:fs';
import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { putJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { findGarbage } from '../../core/artifacts/find-garbage.ts';
import { findReferences, reach } from '../../core/artifacts/references.ts';
import { S3Store } from '../../core/artifacts/s3-store.ts';
import type { ArtifactRef, ArtifactStore } from '../../core/artifacts/store.ts';
import { BUCKET, CREDENTIALS, type S3Server, startS3Server } from './s3-server.ts';

let server: S3Server;
test.before(async () => {
  server = await startS3Server();
  Object.assign(process.env, CREDENTIALS, { AWS_ENDPOINT_URL_S3: server.endpoint });
});
test.after.always(() => server?.stop());

let prefixes = 0;
const folders = mkdtempSync(path.join(tmpdir(), 'gtr-garbage-'));
const key = ({ sha256 }: ArtifactRef) => `${sha256.slice(0, 2)}/${sha256}`;
const makers: Record<string, () => { store: ArtifactStore; file(ref: ArtifactRef): string }> = {
  'file store': () => {
    const root = path.join(folders, String(prefixes++));
    return { store: new FileStore(root), file: (ref) => path.join(root, key(ref)) };
  },
  'S3 store': () => {
    const prefix = `garbage-${prefixes++}`;
    return { store: new S3Store(`s3://${BUCKET}/${prefix}`), file: (ref) => server.file(`${prefix}/${key(ref)}`) };
  },
};

/** rows <- manifest <- state -> policy; two more that nothing refers to. */
async function family(store: ArtifactStore) {
  const rows = await putJson(store, 'correction-rows', [{ responseIds: [1, 2] }]);
  const manifest = await putJson(store, 'corrections', { iterations: [{ iteration: 0, rows: 1, file: rows }] });
  const policy = await store.put('policy', new Uint8Array([8, 0, 0, 0]));
  const loose = [
    await putJson(store, 'rollout-progress', { round: 1 }),
    await store.put('policy', new Uint8Array([9, 0, 0, 0])),
  ];
  return { rows, manifest, policy, loose, root: { corrections: manifest, nested: [{ policy }] } };
}
const hashes = (artifacts: readonly { sha256: string | null }[]) => artifacts.map(({ sha256 }) => sha256).sort();
const inAnHour = () => new Date(Date.now() + 3_600_000);

test('a reference is an object with hash, size and kind, wherever it stands', (t) => {
  const ref = { sha256: 'a'.repeat(64), bytes: 3, kind: 'policy' };
  t.deepEqual(findReferences({ list: [1, 'text', null, { deep: ref }], ref }), [ref, ref]);
  t.deepEqual(
    findReferences([{ ...ref, sha256: 'short' }, { sha256: ref.sha256 }, { ...ref, bytes: '3' }, 'a'.repeat(64)]),
    [],
  );
});

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: what roots reach is kept, young artifacts are spared, the rest is garbage`, async (t) => {
    const { store } = make();
    const { rows, manifest, policy, loose, root } = await family(store);
    const roots = () => Promise.resolve(new Map([['run', findReferences(root)]]));
    const { garbage, young, kept, problems } = await findGarbage(store, roots, inAnHour());
    t.deepEqual(
      [hashes(garbage), hashes(young), hashes(kept), problems],
      [hashes(loose), [], hashes([rows, manifest, policy]), []],
    );
    const hourAgo = await findGarbage(store, roots, new Date(Date.now() - 3_600_000));
    t.deepEqual([hashes(hourAgo.garbage), hashes(hourAgo.young)], [[], hashes(loose)]);
    for (const artifact of garbage) t.true(await store.remove(artifact));
    t.deepEqual(hashes(await Array.fromAsync(store.list())), hashes([rows, manifest, policy]));
  });

  test(`${name}: damage is found by the hash, with the owner; a missing artifact hides its references`, async (t) => {
    const { store, file } = make();
    const { rows, manifest, policy, root } = await family(store);
    await writeFile(file(policy), new Uint8Array([8, 0, 0, 1]));
    const roots = new Map([['run/iteration-3', findReferences(root)]]);
    const all = await reach(store, roots, 'all');
    t.deepEqual([...all.keys()].sort(), hashes([rows, manifest, policy]));
    t.like(all.get(policy.sha256), { owner: 'run/iteration-3' });
    t.regex(all.get(policy.sha256)!.problem!, /^Artifact policy .* is damaged; delete/);
    // tensors are not read for their references
    t.is((await reach(store, roots, 'references')).get(policy.sha256)!.problem, null);
    await rm(file(manifest));
    const { problems, garbage } = await findGarbage(store, () => Promise.resolve(roots), inAnHour());
    t.deepEqual(
      problems.map(({ ref }) => ref.kind),
      ['corrections'],
    );
    t.true(hashes(garbage).includes(rows.sha256)); // why nothing may be deleted while there are problems
  });
}

test('what a killed writer left unfinished is garbage once it is old', async (t) => {
  const root = path.join(folders, 'unfinished');
  const store = new FileStore(root);
  const { sha256 } = await store.put('note', new Uint8Array([1]));
  const unfinished = path.join(root, sha256.slice(0, 2), `.${sha256}.6f1a4cf5-8d4c-4a09-9d65-1f4f1d9c8a11`);
  await writeFile(unfinished, 'half');
  await writeFile(path.join(root, 'README'), 'not ours');
  const longAgo = new Date('2020-01-01');
  await utimes(unfinished, longAgo, longAgo);
  const { garbage } = await findGarbage(store, () => Promise.resolve(new Map()), new Date('2021-01-01'));
  t.deepEqual(hashes(garbage), [null]);
  t.true(await store.remove(garbage[0]));
  t.deepEqual(await readdir(path.join(root, sha256.slice(0, 2))), [sha256]);
});
