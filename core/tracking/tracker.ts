/** What trackers show of a run, and what each of them must do. */
import type { RunConfig } from '../../configs/schema.ts';

/**
 * Values of one moment. `id`: which iteration (with its policy) or evaluation, so that a point sent twice is one.
 * `step`: for an iteration its number, counted from 0; for an evaluation the iterations before it. `time`: in
 * milliseconds since 1970.
 */
export type Point = { id: string; step: number; time: number; values: readonly (readonly [string, number])[] };

export type TrackedStatus = 'running' | 'paused' | 'done' | 'stopped' | 'failed' | 'canceled' | 'terminated';

/**
 * A run as trackers show it. `key`: names the run's course for ever: another one, where the run was set back or begun
 * anew, has another key. `name`: for people. `points`: in ascending order of their steps.
 */
export type TrackedRun = {
  key: string;
  name: string;
  config: RunConfig;
  startedAt: number;
  status: TrackedStatus;
  points: readonly Point[];
};

/** Somebody else's place for curves. All methods throw a sentence where it is away, slow, or answers wrongly. */
export interface Tracker {
  /** Where it is, for people. */
  readonly place: string;
  /** Makes the run there, or finds it by its key; resolves with what the tracker calls it. */
  begin(run: TrackedRun): Promise<string>;
  /** Adds `points` of the run; those that are there already stay single. */
  add(id: string, points: readonly Point[], run: TrackedRun): Promise<void>;
  /** Says how the run is now: that it ended, or that it goes on after all. */
  tellStatus(id: string, run: TrackedRun): Promise<void>;
}

export class TrackerError extends Error {
  override name = 'TrackerError';
}

/** The tracker does not know the run that it made once: its place was emptied since. */
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
