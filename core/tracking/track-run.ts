/**
 * Brings a tracker up to date with a run's records. What was sent is recorded in the store, so that a point is sent
 * once, whichever process follows the run: a resumed run continues one curve. A run that was reset and then took
 * another course begins a new one.
 */
import { createHash } from 'node:crypto';
import type { RunConfig } from '../../configs/schema.ts';
import type { TrackerName } from '../../configs/trackers.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { storeId } from '../artifacts/store-id.ts';
import { numbersOf } from '../records/numbers.ts';
import { recordFolder, type RunRecords } from '../records/run-records.ts';
import { type Point, RunGone, type TrackedRun, type TrackedStatus, type Tracker } from './tracker.ts';

/** Number of points after which progress is recorded. */
const RECORDED_AFTER = 50;

/**
 * What a tracker has of a run. `attempt`: number of courses so far. `points`: ids, in the order in which they were
 * sent.
 */
type Sent = { id: string; startedAt: number; attempt: number; points: string[]; status: TrackedStatus };

export type TrackedState = { status: TrackedStatus; records: RunRecords };

/** The configuration of a run and when it began, in milliseconds since 1970; null before it began. */
export function beginningOf({ start, iterations }: RunRecords): { config: RunConfig; startedAt: number } | null {
  const config = iterations.at(-1)?.config ?? start?.config;
  const startedAt = start?.startedAt ?? iterations[0]?.startedAt;
  return config === undefined || startedAt === undefined ? null : { config, startedAt };
}

/**
 * Sends new points of a run; resolves with their number. Throws `TrackerError`; the rest is sent next time.
 */
export async function trackRun(
  store: ArtifactStore,
  runId: string,
  state: TrackedState,
  { name, tracker }: { name: TrackerName; tracker: Tracker },
): Promise<number> {
  const beginning = beginningOf(state.records);
  if (beginning === null) return 0;
  const record = `${recordFolder(runId)}/tracking-${name}-${shortHash(tracker.place)}`;
  const sendAll = () => send(store, runId, { ...state, ...beginning }, tracker, record);
  try {
    return await sendAll();
  } catch (error) {
    if (!(error instanceof RunGone)) throw error;
    await store.removeRecord(record);
    return await sendAll();
  }
}

async function send(
  store: ArtifactStore,
  runId: string,
  { config, status, startedAt, records }: TrackedState & { config: RunConfig; startedAt: number },
  tracker: Tracker,
  record: string,
): Promise<number> {
  const points = pointsOf(records, startedAt);
  const before = await store.getRecord<Sent>(record);
  const continues = before !== undefined && before.startedAt === startedAt && follow(before.points, points);
  const attempt = continues ? before.attempt : (before?.attempt ?? 0) + 1;
  const run: TrackedRun = {
    key: shortHash(`${await storeId(store)}/${runId}/${startedAt}/${attempt}`),
    name: attempt === 1 ? runId : `${runId} (${attempt})`,
    config,
    startedAt,
    status,
    points,
  };
  if (before !== undefined && !continues && isOpen(before.status))
    await tracker.tellStatus(before.id, { ...run, status: 'terminated' });
  const sent: Sent = continues
    ? before
    : { id: await tracker.begin(run), startedAt, attempt, points: [], status: 'running' };
  if (!continues) await store.putRecord(record, sent);
  const known = new Set(sent.points);
  const added = points.filter(({ id }) => !known.has(id));
  for (let at = 0; at < added.length; at += RECORDED_AFTER) {
    const some = added.slice(at, at + RECORDED_AFTER);
    await tracker.add(sent.id, some, run);
    sent.points.push(...some.map(({ id }) => id));
    await store.putRecord(record, sent);
  }
  if (sent.status !== status) {
    await tracker.tellStatus(sent.id, run);
    await store.putRecord(record, { ...sent, status });
  }
  return added.length;
}

function isOpen(status: TrackedStatus): boolean {
  return status === 'running' || status === 'paused';
}

/**
 * Whether a run with the points `before` can have continued to its present points: missing ones may come again, as
 * after a reset, but nothing else may have taken their place.
 */
function follow(before: readonly string[], now: readonly Point[]): boolean {
  const places = (ids: readonly string[]) => new Map(ids.map((id) => [id.split('@')[0], id]));
  const earlier = places(before);
  return now.every(({ id }) => (earlier.get(id.split('@')[0]) ?? id) === id);
}

/** Iterations and evaluations of a run in the order of their steps. */
function pointsOf({ iterations, evaluations }: RunRecords, startedAt: number): Point[] {
  const trained = iterations.map(({ iteration, startedAt: begun, policy, metrics }): Point => ({
    id: `iteration-${iteration}@${policy.sha256.slice(0, 12)}`,
    step: iteration,
    time: begun + 1000 * (metrics['time/iteration'] ?? 0),
    values: finite(numbersOf('', metrics)),
  }));
  const evaluated = evaluations.flatMap(({ label, result }): Point[] => {
    const step = stepOf(label, iterations.length);
    if (step === null || step > iterations.length) return [];
    const policy = step === 0 ? 'start' : iterations[step - 1].policy.sha256.slice(0, 12);
    return [
      {
        id: `evaluation-${step}@${policy}`,
        step,
        time: step === 0 ? startedAt : trained[step - 1].time,
        values: finite(numbersOf('evaluation/', result)),
      },
    ];
  });
  // One evaluation per step: the final one may repeat one during the run.
  const once = new Map([...evaluated, ...trained].map((point) => [point.id, point]));
  return [...once.values()].sort((a, b) => a.step - b.step);
}

/** Iterations before an evaluation; null for one of a policy outside the run. */
function stepOf(label: string, iterations: number): number | null {
  if (label === 'start') return 0;
  if (label === 'final') return iterations;
  const number = /^iteration-(\d+)$/.exec(label)?.[1];
  return number === undefined ? null : Number(number);
}

function finite(values: readonly [string, number][]): [string, number][] {
  return values.filter(([, value]) => Number.isFinite(value));
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
