/** Rehearsed faults are activities' alone: a command that writes while `GTR_FAULTS` is set meets none. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { FileStore } from '../../core/artifacts/file-store.ts';

test('a store whose writes are fault points is written outside of activities', async (t) => {
  process.env.GTR_FAULTS = await mkdtemp(path.join(tmpdir(), 'gtr-faults-'));
  const { withFaultPoints } = await import('../../activities/fault-point.ts'); // reads the variable once
  const files = new FileStore(await mkdtemp(path.join(tmpdir(), 'gtr-store-')));
  const store = withFaultPoints(files);
  t.not(store, files);
  await store.putRecord('runs/copy/iteration-0', { iteration: 0 });
  t.deepEqual(await files.getRecord('runs/copy/iteration-0'), { iteration: 0 });
});
