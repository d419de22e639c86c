/** What trackers show of a run, and the interface of a tracker. */
import type { RunConfig } from '../../configs/schema.ts';

/**
 * Values at one time. `id`: identifies the iteration (with its policy) or evaluation, so that a point sent twice counts
 * once. `step`: for an iteration its number, counted from 0; for an evaluation the iterations before it. `time`: in
 * milliseconds since 1970.
 */
export type Point = { id: string; step: number; time: number; values: readonly (readonly [string, number])[] };

export type TrackedStatus = 'running' | 'paused' | 'done' | 'stopped' | 'failed' | 'canceled' | 'terminated';

/**
 * A run as trackers show it. `key`: identifies the run's course permanently; after a reset or restart that leads
 * elsewhere, the course has another key. `name`: for people. `points`: in ascending order of their steps.
 */
export type TrackedRun = {
  key: string;
  name: string;
  config: RunConfig;
  startedAt: number;
  status: TrackedStatus;
  points: readonly Point[];
};

/** An external service for curves. All methods throw one sentence if it is unreachable, slow, or answers wrongly. */
export interface Tracker {
  /** Its address, for people. */
  readonly place: string;
  /** Creates the run, or finds it by its key; resolves with the tracker's id of it. */
  begin(run: TrackedRun): Promise<string>;
  /** Adds `points` of the run; existing points are not duplicated. */
  add(id: string, points: readonly Point[], run: TrackedRun): Promise<void>;
  /** Sets the run's status: ended, or running again. */
  tellStatus(id: string, run: TrackedRun): Promise<void>;
}

export class TrackerError extends Error {
  override name = 'TrackerError';
}

/** The tracker no longer knows the run that it created: its database was emptied. */
export class RunGone extends TrackerError {
  override name = 'RunGone';
}

/** The fields of a configuration under one name each (`ppo.clip`), as text. */
export function settingsOf(config: RunConfig): [name: string, value: string][] {
  const flatten = (prefix: string, value: unknown): [string, string][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([name, inner]) => flatten(prefix === '' ? name : `${prefix}.${name}`, inner))
      : [[prefix, typeof value === 'string' ? value : JSON.stringify(value)]];
  return flatten('', config);
}
