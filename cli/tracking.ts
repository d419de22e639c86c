/** Sends the curves of a home's runs to trackers: within `gtr up`, or as `gtr track --follow`. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunConfig } from '../configs/schema.ts';
import type { TrackerName } from '../configs/trackers.ts';
import { RunFollower } from '../core/tracking/follow-runs.ts';
import { openTracker } from '../core/tracking/open-tracker.ts';
import { activityDependencies } from '../workers/installation.ts';
import { FileLock } from './file-lock.ts';
import { makeFolder } from './make-folder.ts';
import { statusesOf } from './runs.ts';
import { withClientIfAny } from './temporal.ts';

/** Pause between two readings of the records. */
const LOOK_MS = 5000;
/** Time for sending the rest at the end. */
const LAST_LOOK_MS = 10_000;

/** The lock of the sender: two at once would create two runs at the tracker. */
const LOCK = 'tracking.lock';

/** Waits until nobody else sends from this home. */
export async function whileSendingAlone<T>(send: () => Promise<T>): Promise<T> {
  const { home } = activityDependencies();
  makeFolder(home);
  let lock: FileLock | null;
  while ((lock = FileLock.take(path.join(home, LOCK))) === null) await sleep(100);
  try {
    return await send();
  } finally {
    lock.release();
  }
}

/** The tracker that a run's configuration names. */
export function trackerOf({ tracking = 'none' }: Partial<RunConfig>): TrackerName | null {
  return tracking === 'none' ? null : tracking;
}

/** Sends new points repeatedly until it is stopped; failures are reported and retried. */
export class ContinuedTracking {
  readonly #follower: RunFollower;
  readonly #say: (line: string) => void;
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;
  #told = '';

  constructor(
    say: (line: string) => void,
    chosen: (runId: string, config: RunConfig) => TrackerName | null = (_, config) => trackerOf(config),
  ) {
    const { home, store } = activityDependencies();
    this.#say = say;
    this.#follower = new RunFollower({
      store,
      chosen,
      open: (name) => openTracker(name, process.env, home),
      statuses: () => withClientIfAny(async (client) => client && (await statusesOf(client))).catch(() => null),
      say,
    });
    this.#done = this.#goOn();
  }

  /** Sends new points a last time, if that does not take long. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const last = this.#done.then(() => this.#pass());
    await Promise.race([last, sleep(LAST_LOOK_MS, undefined, { ref: false })]);
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#pass();
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #pass(): Promise<void> {
    try {
      await whileSendingAlone(() => this.#follower.pass());
      this.#told = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#told) this.#say(`Curves are not sent for now: ${message}`);
      this.#told = message;
    }
  }
}
