/** The last owner's release removes an artifact, but never one that somebody needs. For both stores. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { S3Store } from '../../core/artifacts/s3-store.ts';
import type { ArtifactStore } from '../../core/artifacts/store.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { BUCKET, CREDENTIALS, type S3Server, startS3Server } from './s3-server.ts';

let server: S3Server;
test.before(async () => {
  server = await startS3Server();
  Object.assign(process.env, CREDENTIALS, { AWS_ENDPOINT_URL_S3: server.endpoint });
});
test.after.always(() => server?.stop());

let prefixes = 0;
const folders = mkdtempSync(path.join(tmpdir(), 'gtr-holds-'));
const makers: Record<string, () => ArtifactStore> = {
  'file store': () => new FileStore(path.join(folders, String(prefixes++))),
  'S3 store': () => new S3Store(`s3://${BUCKET}/holds-${prefixes++}`),
};

const content = new Uint8Array([1, 2, 3]);
const [ONE, OTHER] = [
  { run: 'one', slot: 'iteration-0' },
  { run: 'other', slot: 'iteration-0' },
];
const died = new Error('died');
const listed = async (store: ArtifactStore) => (await Array.fromAsync(store.list())).map(({ sha256 }) => sha256);

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: the last owner's release removes the content, and nothing of it is left`, async (t) => {
    const store = make();
    const ref = await store.putHeld(ONE, 'policy', content);
    t.deepEqual(await store.putHeld(OTHER, 'policy', [content.subarray(0, 1), content.subarray(1)]), ref);
    t.deepEqual(
      (await store.holds('one')).map(({ run, slot, ref: held }) => ({ run, slot, held })),
      [{ ...ONE, held: ref }],
    );
    t.is((await store.holds()).length, 2);
    t.false(await store.release(ONE, ref));
    t.false(await store.release(ONE, ref)); // it has let go already
    t.deepEqual(await store.get(ref), content);
    t.true(await store.release(OTHER, ref));
    t.false(await store.has(ref));
    t.deepEqual([await listed(store), await store.holds()], [[], []]);
  });

  test(`${name}: what somebody stored without a hold is never removed by an owner`, async (t) => {
    const store = make();
    const ref = await store.put('policy', content); // an older build, say
    await store.putHeld(ONE, 'policy', content);
    t.false(await store.release(ONE, ref));
    t.true(await store.has(ref));
    t.false(await store.release(OTHER, ref)); // nor by who never held it
    await store.forgetHolds(ref.sha256);
    t.deepEqual(await store.holds(), []);
  });

  test(`${name}: an owner that stores the content during its removal has it`, async (t) => {
    const store = make();
    const ref = await store.putHeld(ONE, 'policy', content);
    const removed = await store.release(ONE, ref, async () => {
      t.deepEqual(await store.putHeld(OTHER, 'policy', content), ref);
    });
    t.false(removed);
    t.deepEqual(await store.get(ref), content);
    t.true(await store.release(OTHER, ref));
    t.deepEqual(await listed(store), []);
  });

  test(`${name}: who takes hold during the removal has the content, or is told that it is gone`, async (t) => {
    const store = make();
    const ref = await store.putHeld(ONE, 'policy', content);
    t.false(await store.release(ONE, ref, async () => void t.true(await store.hold(OTHER, ref))));
    t.deepEqual(await store.get(ref), content);
    t.true(await store.release(OTHER, ref));
    t.false(await store.hold(ONE, ref));
    t.deepEqual(await store.holds(), []);
  });

  test(`${name}: a reader during the removal keeps nothing`, async (t) => {
    const store = make();
    const ref = await store.putHeld(ONE, 'policy', content);
    let looked = 0;
    const look = async () => {
      if (looked++ < 2) t.deepEqual(await listed(store), [ref.sha256]);
    };
    t.true(await store.release(ONE, ref, look));
    t.is(looked, 3);
    t.deepEqual(await listed(store), []);
  });

  test(`${name}: a release that dies half-way loses nothing that is needed, and is finished later`, async (t) => {
    const store = make();
    const ref = await store.putHeld(ONE, 'policy', content);
    const dying = () => Promise.reject(died);
    await t.throwsAsync(store.release(ONE, ref, dying), { is: died });
    t.deepEqual(
      (await store.holds('one')).map(({ slot }) => slot),
      ['iteration-0'], // so that whoever cleans up finds it
    );
    t.true(await store.hold(OTHER, ref)); // it is fetched back
    t.false(await store.release(ONE, ref));
    t.deepEqual(await store.get(ref), content);
    await t.throwsAsync(store.release(OTHER, ref, dying), { is: died });
    t.deepEqual(await listed(store), [ref.sha256]); // gc finds it
    await t.throwsAsync(store.release(OTHER, ref, dying), { is: died });
    t.true(await store.release(OTHER, ref));
    t.deepEqual([await listed(store), await store.holds()], [[], []]);
  });
}

// The tests' S3 server writes objects in place, so a concurrent reader may see half of one; real S3 does not.
test('file store: owners that come and go at random always have what they hold', async (t) => {
  const store = makers['file store']();
  const random = new RandomStream({ seed: 1, purpose: 'chaos' });
  let removals = 0;
  const live = async (owner: number) => {
    for (let round = 0; round < 15; round++) {
      const began = Date.now();
      const held = { run: `run-${owner}`, slot: `slot-${round % 2}` };
      const ref = await store.putHeld(held, 'policy', content);
      await sleep(random.uniform() * 4);
      t.deepEqual(await store.get(ref), content);
      const dies = random.uniform() < 0.2;
      const pause = async () => {
        await sleep(random.uniform() * 4); // asleep with the content aside
        if (dies) throw died;
      };
      removals += await store.release(held, ref, pause).then(Number, () => 0);
      // Away for about as long as the content was held, or on a slow disk it is held by someone all the time.
      await sleep(random.uniform() * 4 * (Date.now() - began));
    }
  };
  await Promise.all([0, 1, 2, 3].map(live));
  t.true(removals > 0);
  for (const { run, slot, ref } of await store.holds()) await store.release({ run, slot }, ref);
  t.deepEqual(await store.holds(), []);
});
