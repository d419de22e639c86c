/** Keeps trackers up to date with the runs of a store, run by run. Runs do not notice. */
import path from 'node:path';
import type { RunConfig } from '../../configs/schema.ts';
import type { TrackerName } from '../../configs/trackers.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { readRunRecords, runOfRecord } from '../records/run-records.ts';
import { RefusedRequest } from './ask-tracker.ts';
import { type TrackedStatus, type Tracker, TrackerError } from './tracker.ts';
import { beginningOf, trackRun } from './track-run.ts';

/** First and longest pause after a tracker was unreachable. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [5000, 300_000];

/**
 * `chosen`: the tracker of a run, or null. `open` may throw `TrackerError`. `statuses`: those of the runs that a server
 * knows; null if no server answers.
 */
export type FollowSettings = {
  store: ArtifactStore;
  chosen: (runId: string, config: RunConfig) => TrackerName | null;
  open: (name: TrackerName) => Tracker;
  statuses: () => Promise<ReadonlyMap<string, TrackedStatus> | null>;
  say: (line: string) => void;
};

type Pause = { until: number; ms: number };

export class RunFollower {
  readonly #settings: FollowSettings;
  readonly #trackers = new Map<TrackerName, Tracker>();
  /** What was sent of a run: the names of its records and its status. */
  readonly #sent = new Map<string, string>();
  /** Runs that are tracked and have no outcome yet. */
  readonly #open = new Set<string>();
  readonly #pauses = new Map<string, Pause>();
  readonly #told = new Map<string, string>();

  constructor(settings: FollowSettings) {
    this.#settings = settings;
  }

  /**
   * Sends what is new. An unreachable tracker is skipped for a while, and its runs lose nothing. A tracker's failure
   * never throws.
   */
  async pass(): Promise<void> {
    const { store, statuses } = this.#settings;
    const recorded = Map.groupBy(await store.listRecords('runs'), runOfRecord);
    const told = this.#open.size > 0 ? await statuses() : null;
    const byTracker = new Map<TrackerName, (() => Promise<void>)[]>();
    for (const [runId, all] of recorded) {
      const names = all.map((name) => path.posix.basename(name)).filter((name) => !name.startsWith('tracking-'));
      const seen = `${names.join()} ${told?.get(runId) ?? ''}`;
      if (this.#sent.get(runId) === seen) continue;
      const records = await readRunRecords(store, runId);
      const beginning = beginningOf(records);
      const name = beginning === null ? null : this.#settings.chosen(runId, beginning.config);
      if (name === null) {
        this.#sent.set(runId, seen);
        continue;
      }
      if (records.outcome === null) this.#open.add(runId);
      else this.#open.delete(runId);
      const status = records.outcome?.status ?? told?.get(runId) ?? 'running';
      const jobs = byTracker.get(name) ?? [];
      byTracker.set(name, jobs);
      jobs.push(async () => {
        const send = (tracker: Tracker) => trackRun(store, runId, { status, records }, { name, tracker });
        if (await this.#send(runId, name, send)) this.#sent.set(runId, seen);
      });
    }
    await Promise.all(
      [...byTracker.values()].map(async (jobs) => {
        for (const job of jobs) await job();
      }),
    );
  }

  /** Whether it was sent. */
  async #send(runId: string, name: TrackerName, send: (tracker: Tracker) => Promise<number>): Promise<boolean> {
    // A tracker that answers, but refuses this run, may accept another one.
    const [all, one] = [name, `${name} ${runId}`];
    if ([all, one].some((key) => (this.#pauses.get(key)?.until ?? 0) > Date.now())) return false;
    try {
      const tracker = this.#trackers.get(name) ?? this.#settings.open(name);
      this.#trackers.set(name, tracker);
      await send(tracker);
      for (const key of [all, one]) this.#pauses.delete(key);
      this.#tell(one, `${runId} is shown by ${name}: ${tracker.place}`);
      return true;
    } catch (error) {
      const { message } = error as Error;
      const key = error instanceof TrackerError && !(error instanceof RefusedRequest) ? all : one;
      const ms = Math.min(2 * (this.#pauses.get(key)?.ms ?? FIRST_PAUSE_MS / 2), LONGEST_PAUSE_MS);
      this.#pauses.set(key, { until: Date.now() + ms, ms });
      this.#tell(one, `${runId} is not shown by ${name} for now; the run itself continues: ${message}`);
      return false;
    }
  }

  #tell(key: string, line: string): void {
    if (this.#told.get(key) !== line) this.#settings.say(line);
    this.#told.set(key, line);
  }
}
