/** Resume points are stored as often as asked, or as seldom as their cost asks for. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { activity, type Heartbeat } from '../../activities/activity.ts';
import { ResumePoints } from '../../activities/resume-points.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';

const store = new FileStore(mkdtempSync(path.join(tmpdir(), 'gtr-points-')));

/** A clock in seconds that the test turns. */
let clock = 0;
const real = performance.now.bind(performance);
test.before(() => {
  performance.now = () => clock * 1000;
});
test.after.always(() => {
  performance.now = real;
});

type Points = ResumePoints<number>;
const within = (name: string, durability: object, work: (points: Points) => Promise<void>) =>
  new MockActivityEnvironment().run(
    activity(async (_: null, beat: Heartbeat<number>) => {
      const settings = { heartbeatSeconds: 20, resumePointSeconds: 10, resumePointShare: 0.05, ...durability };
      await work(new ResumePoints(beat, store, name, settings));
      return null;
    }),
    null,
  );
const storeFor = (points: Points, seconds: number) =>
  points.reach(async () => {
    clock += seconds;
    return 1;
  });
/** Seconds of work until a point is due, in steps of one. */
const wait = (points: Points) => {
  const began = clock;
  while (!points.due()) clock++;
  return clock - began;
};

test.serial('every ten seconds if that takes less than a twentieth of the time, else less often', async (t) => {
  await within('epoch-0', {}, async (points) => {
    t.is(wait(points), 10);
    await storeFor(points, 0.5);
    t.is(wait(points), 10); // 0.5 of 10.5 s are 4.8 %
    await storeFor(points, 4);
    t.is(points.interval, 76); // 4 of 80 s are 5 %
    t.is(wait(points), 76);
    await storeFor(points, 1);
    t.is(wait(points), 19);
  });
  // The next activity on this worker knows what the last one took.
  await within('epoch-1', {}, async (points) => void t.is(wait(points), 19));
});

test.serial(
  'before the first point its cost is the time of reading; another share gives another interval',
  async (t) => {
    await within('steps-0', { resumePointShare: 0.2 }, async (points) => {
      points.expect(5);
      t.is(wait(points), 20);
      await storeFor(points, 10);
      points.expect(1); // what is known counts
      t.is(wait(points), 40);
    });
  },
);

test.serial('with 0 seconds after every step, whatever it takes', async (t) => {
  await within('wave-0', { resumePointSeconds: 0 }, async (points) => {
    await storeFor(points, 100);
    t.true(points.due());
    t.is(points.interval, 0);
  });
});
