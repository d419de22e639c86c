/** Curves on a Trackio server, by its HTTP interface. */
import { z } from 'zod';
import { askTracker, withoutSecrets } from './ask-tracker.ts';
import type { Point, TrackedRun, Tracker } from './tracker.ts';

/** Points of one request. */
const AT_ONCE = 100;

/** `token`: from the link that the server prints when it starts; null: it needs none. */
export type TrackioSettings = { address: string; project: string; token: string | null; hfToken: string | null };

export class Trackio implements Tracker {
  readonly place: string;
  readonly #settings: TrackioSettings;

  constructor(settings: TrackioSettings) {
    this.#settings = settings;
    this.place = `${withoutSecrets(settings.address)} (project ${settings.project})`;
  }

  /** A run exists from its first point on. */
  async begin({ key }: TrackedRun): Promise<string> {
    return await Promise.resolve(key);
  }

  async add(id: string, points: readonly Point[], { name, config }: TrackedRun): Promise<void> {
    const { project, hfToken } = this.#settings;
    // The server drops a point whose log_id it already has.
    const logs = points.map((point) => ({
      project,
      run: name,
      run_id: id,
      config,
      metrics: Object.fromEntries(point.values),
      step: point.step,
      log_id: `${id}-${point.id}`,
    }));
    for (let at = 0; at < logs.length; at += AT_ONCE)
      await this.#ask('bulk_log', { logs: logs.slice(at, at + AT_ONCE), hf_token: hfToken });
  }

  /** Trackio has no status for runs that are logged over HTTP. */
  async tellStatus(): Promise<void> {}

  #ask(api: string, body: unknown): Promise<unknown> {
    const { address, token, hfToken } = this.#settings;
    const url = new URL(address);
    return askTracker(
      {
        url: `${url.origin}${url.pathname.replace(/\/$/, '')}/api/${api}`,
        headers: {
          ...(token === null ? {} : { 'x-trackio-write-token': token }),
          ...(hfToken === null ? {} : { authorization: `Bearer ${hfToken}` }),
        },
        body,
      },
      z.object({ data: z.unknown() }),
    );
  }
}
