/** Curves on an MLflow server, by its REST interface 2.0. */
import { z } from 'zod';
import { askTracker, RefusedRequest, withoutSecrets } from './ask-tracker.ts';
import { type Point, RunGone, settingsOf, type TrackedRun, type TrackedStatus, type Tracker } from './tracker.ts';

/** Limits of one request, and of a parameter's length. */
const METRICS_AT_ONCE = 1000;
const PARAMETERS_AT_ONCE = 100;
const LONGEST_PARAMETER = 500;
/** The tag that identifies a run. */
const KEY_TAG = 'gtr.key';

const experiment = z.object({ experiment: z.object({ experiment_id: z.string() }) });
const created = z.object({ experiment_id: z.string() });
const run = z.object({ info: z.object({ run_id: z.string() }) });
const nothing = z.object({});

const STATUSES: Readonly<Record<TrackedStatus, string>> = {
  running: 'RUNNING',
  paused: 'RUNNING',
  done: 'FINISHED',
  stopped: 'FINISHED',
  failed: 'FAILED',
  canceled: 'KILLED',
  terminated: 'KILLED',
};

export type MlflowSettings = { address: string; experimentName: string; headers: Record<string, string> };

export class Mlflow implements Tracker {
  readonly place: string;
  readonly #settings: MlflowSettings;
  #experiment: Promise<string> | null = null;

  constructor(settings: MlflowSettings) {
    this.#settings = settings;
    this.place = `${withoutSecrets(settings.address)} (experiment ${settings.experimentName})`;
  }

  async begin({ key, name, config, startedAt }: TrackedRun): Promise<string> {
    const experimentId = await this.#experimentId();
    const { runs = [] } = await this.#ask('runs/search', z.object({ runs: z.array(run).optional() }), {
      experiment_ids: [experimentId],
      filter: `tags.\`${KEY_TAG}\` = '${key}'`,
      max_results: 1,
    });
    const id =
      runs[0]?.info.run_id ??
      (
        await this.#ask('runs/create', z.object({ run }), {
          experiment_id: experimentId,
          run_name: name,
          start_time: startedAt,
          tags: [
            { key: KEY_TAG, value: key },
            { key: 'mlflow.runName', value: name },
            { key: 'mlflow.note.content', value: config.title },
          ],
        })
      ).run.info.run_id;
    // Sending the same parameter again is not a fault.
    const params = settingsOf(config).map(([field, value]) => ({
      key: allowedName(field),
      value: value.slice(0, LONGEST_PARAMETER),
    }));
    for (let at = 0; at < params.length; at += PARAMETERS_AT_ONCE)
      await this.#ask('runs/log-batch', nothing, { run_id: id, params: params.slice(at, at + PARAMETERS_AT_ONCE) });
    return id;
  }

  async add(id: string, points: readonly Point[]): Promise<void> {
    // The same key, step, time and value is one point for MLflow.
    const metrics = points.flatMap(({ step, time, values }) =>
      values.map(([name, value]) => ({ key: allowedName(name), value, timestamp: Math.round(time), step })),
    );
    for (let at = 0; at < metrics.length; at += METRICS_AT_ONCE)
      await this.#askOfRun('runs/log-batch', { run_id: id, metrics: metrics.slice(at, at + METRICS_AT_ONCE) });
  }

  async tellStatus(id: string, { status, points, startedAt }: TrackedRun): Promise<void> {
    const goesOn = STATUSES[status] === 'RUNNING';
    await this.#askOfRun('runs/update', {
      run_id: id,
      status: STATUSES[status],
      ...(goesOn ? {} : { end_time: Math.round(points.at(-1)?.time ?? startedAt) }),
    });
  }

  #experimentId(): Promise<string> {
    this.#experiment ??= this.#findExperiment().catch((error: unknown) => {
      this.#experiment = null;
      throw error;
    });
    return this.#experiment;
  }

  async #findExperiment(): Promise<string> {
    const name = this.#settings.experimentName;
    const find = () =>
      this.#ask(`experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`, experiment, undefined, 'GET');
    try {
      return (await find()).experiment.experiment_id;
    } catch (error) {
      if (!(error instanceof RefusedRequest && error.status === 404)) throw error;
      const made = await this.#ask('experiments/create', created, { name });
      return made.experiment_id;
    }
  }

  async #askOfRun(method: string, body: { run_id: string; [field: string]: unknown }): Promise<void> {
    try {
      await this.#ask(method, nothing, body);
    } catch (error) {
      if (error instanceof RefusedRequest && error.status === 404) throw new RunGone(error.message);
      throw error;
    }
  }

  #ask<T>(method: string, schema: z.ZodType<T>, body: unknown, verb: 'GET' | 'POST' = 'POST'): Promise<T> {
    const { address, headers } = this.#settings;
    const url = new URL(address);
    [url.username, url.password] = ['', ''];
    return askTracker(
      { url: `${url.href.replace(/\/$/, '')}/api/2.0/mlflow/${method}`, method: verb, headers, body },
      schema,
    );
  }
}

/** MLflow allows letters, digits and `_-. :/` in names. */
function allowedName(name: string): string {
  return name.replaceAll(/[^\w\-. :/]/g, '_');
}
