/** What a tracker is sent of a run: each point once, one curve a course. */
import test from 'ava';
import type { Point, TrackedRun, TrackedStatus, Tracker } from '../../core/tracking/tracker.ts';
import { RunGone, TrackerError } from '../../core/tracking/tracker.ts';
import { trackRun } from '../../core/tracking/track-run.ts';
import { RunFollower } from '../../core/tracking/follow-runs.ts';
import { TrackedRecords } from './tracked-records.ts';

/** Keeps what it is sent; `fault` is thrown by the next call that adds points, before or after it kept them. */
class KeepingTracker implements Tracker {
  readonly place = 'here';
  readonly runs = new Map<string, { name: string; status: TrackedStatus; points: Point[] }>();
  fault: { error: Error; kept: boolean } | null = null;

  async begin({ key, name }: TrackedRun): Promise<string> {
    this.runs.set(key, { name, status: 'running', points: [] });
    return await Promise.resolve(key);
  }

  async add(id: string, points: readonly Point[]): Promise<void> {
    const fault = this.fault;
    this.fault = null;
    const run = this.runs.get(id);
    if (run === undefined) throw new RunGone(`${id} is not there`);
    if (fault === null || fault.kept) run.points.push(...points);
    if (fault !== null) throw fault.error;
    await Promise.resolve();
  }

  async tellStatus(id: string, { status }: TrackedRun): Promise<void> {
    this.runs.get(id)!.status = status;
    await Promise.resolve();
  }

  get names() {
    return [...this.runs.values()].map(({ name, status, points }) => [
      name,
      status,
      points.map(({ id }) => id.split('@')[0]),
    ]);
  }
}

const send = async (records: TrackedRecords, tracker: Tracker, status: TrackedStatus = 'running') =>
  await trackRun(records.store, records.run, { status, records: await records.records() }, { name: 'mlflow', tracker });

const iterations = (count: number) => Array.from({ length: count }, (_, index) => `iteration-${index}`);

test('while a run goes on each point is sent once, and the end is told', async (t) => {
  const [records, tracker] = [new TrackedRecords('my-run'), new KeepingTracker()];
  t.is(await send(records, tracker), 0); // nothing is there, not even how it began
  t.is(tracker.runs.size, 0);
  await records.start();
  await records.evaluate('start', 0.1);
  await records.iterate(0);
  t.is(await send(records, tracker), 2);
  t.is(await send(records, tracker), 0);
  await records.iterate(1);
  await records.evaluate('final', 0.5);
  await records.end(2);
  t.is(await send(records, tracker, 'done'), 2);
  t.deepEqual(tracker.names, [['my-run', 'done', ['evaluation-0', 'iteration-0', 'iteration-1', 'evaluation-2']]]);
  const [{ points }] = tracker.runs.values();
  const success = (point: Point, name: string) => point.values.find(([value]) => value === name)?.[1];
  t.is(success(points[3], 'evaluation/success'), 0.5);
  t.is(points[3].step, 2);
  t.is(success(points[1], 'corrections/rows'), 300);
});

test('a long run that is sent afterwards comes whole, and goes on where a fault left it', async (t) => {
  const [records, tracker] = [new TrackedRecords('long'), new KeepingTracker()];
  await records.start();
  for (let iteration = 0; iteration < 60; iteration++) await records.iterate(iteration);
  tracker.fault = { error: new TrackerError('away'), kept: false };
  await t.throwsAsync(send(records, tracker), { message: 'away' });
  t.is(await send(records, tracker), 60);
  t.deepEqual(tracker.names, [['long', 'running', iterations(60)]]);
});

test(
  'a run that was set back goes on with its curve where it does the same, ' + 'and begins another one where not',
  async (t) => {
    const [records, tracker] = [new TrackedRecords('set-back'), new KeepingTracker()];
    await records.start();
    for (let iteration = 0; iteration < 6; iteration++) await records.iterate(iteration);
    await send(records, tracker);
    await records.reset(4);
    t.is(await send(records, tracker), 0);
    await records.iterate(4);
    t.is(await send(records, tracker), 0);
    await records.reset(4);
    await records.iterate(4, 'second');
    t.is(await send(records, tracker), 5);
    t.deepEqual(tracker.names, [
      ['set-back', 'terminated', iterations(6)],
      ['set-back (2)', 'running', iterations(5)],
    ]);
    await records.start(1); // begun anew under its name
    t.is(await send(records, tracker), 5);
    t.is(tracker.runs.size, 3);
  },
);

test('a tracker that was emptied gets the run again', async (t) => {
  const [records, tracker] = [new TrackedRecords('emptied'), new KeepingTracker()];
  await records.start();
  await records.iterate(0);
  await send(records, tracker);
  tracker.runs.clear();
  await records.iterate(1);
  t.is(await send(records, tracker), 2);
  t.deepEqual(tracker.names, [['emptied', 'running', iterations(2)]]);
});

test(
  'who follows runs sends those that name a tracker, leaves one that is away alone for a while, and never ' + 'throws',
  async (t) => {
    const [records, tracker] = [new TrackedRecords('followed', 'mlflow'), new KeepingTracker()];
    const lines: string[] = [];
    const follower = new RunFollower({
      store: records.store,
      chosen: (_, { tracking }) => (tracking === 'none' ? null : tracking),
      open: () => tracker,
      statuses: async () => await Promise.resolve(new Map([['followed', 'paused' as const]])),
      say: (line) => lines.push(line),
    });
    await records.start();
    await records.iterate(0);
    tracker.fault = { error: new TrackerError('nobody answers there'), kept: false };
    await follower.pass();
    await follower.pass(); // within the pause: nothing is asked
    t.deepEqual(lines, ['followed is not shown by mlflow for now; the run itself continues: nobody answers there']);
    t.deepEqual(tracker.names, [['followed', 'running', []]]);
  },
);
