/** The common parts of activities: dependencies, clear failures, small results, and heartbeats with a resume point. */
import { activityInfo, ApplicationFailure, cancellationSignal, Context, heartbeat } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import { ArtifactError, type ArtifactStore } from '../core/artifacts/store.ts';
import { FAILURE_OF_ERROR, FAILURES } from '../configs/failure-types.ts';
import type { Doing } from '../core/episodes/doing.ts';
import { faultPoint } from './fault-point.ts';
import { runOf } from './run-of-activity.ts';

/** What a worker provides to its activities. */
export type ActivityDependencies = {
  store: ArtifactStore;
  /** Folder of this installation's state (`GTR_HOME`). */
  home: string;
};

/** Largest activity result; anything larger belongs in an artifact. */
const LARGEST_RESULT = 64 * 1024;

/**
 * Wraps an activity: it sends heartbeats while it runs, known errors become non-retryable failures with one sentence,
 * and results are checked to be small. `run` may report and read resume points of type `P` by its `beat`.
 */
export function activity<I, R, P = never>(run: (input: I, beat: Heartbeat<P>) => Promise<R>): (input: I) => Promise<R> {
  return async (input) => {
    await faultPoint('start');
    const beat = new Heartbeat<P>();
    let result: R;
    try {
      result = await run(input, beat);
    } catch (error) {
      const type = FAILURE_OF_ERROR[(error as Error).name];
      if (type === undefined) throw error;
      throw ApplicationFailure.create({
        message: (error as Error).message,
        type,
        nonRetryable: true,
        cause: error as Error,
      });
    } finally {
      beat.stop();
    }
    const bytes = Buffer.byteLength(JSON.stringify(result) ?? '');
    if (bytes > LARGEST_RESULT)
      throw ApplicationFailure.nonRetryable(
        `The activity's result has ${bytes} bytes, more than ${LARGEST_RESULT}; store it as an artifact`,
        FAILURES.resultTooLarge,
      );
    await faultPoint('end');
    return result;
  };
}

/** The content of a heartbeat: progress as text, and data for the next attempt. */
type Details<P> = Doing & { resumePoint?: P };

/**
 * Seconds between two signals that tell the run what its activity is doing, and the smallest interval as a share of the
 * age of the run's execution: a history may have 50,000 events, a signal makes four, and an execution may last for
 * weeks.
 */
const SIGNAL_SECONDS = 15;
const SIGNAL_SHARE = 1 / 240;
/** Longest time between two beats, so that progress shows how long a step has been running. */
const BEAT_SECONDS = 30;
/** Shorter steps are covered by the next report. */
const RECENT_SECONDS = 5;

/** Beats at half the activity's own heartbeat timeout, always with the newest resume point. */
export class Heartbeat<P> {
  /** The resume point of an earlier attempt of this activity; undefined on a fresh start. */
  readonly #resumePoint: P | undefined;
  #latest: Details<P>;
  #told = performance.now();
  #nextSignal = this.#told + SIGNAL_SECONDS * 1000;
  /** When the run's execution began, in milliseconds since 1970. */
  #runBegan: Promise<number> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    const info = activityInfo();
    this.#latest = (info.heartbeatDetails as Details<P> | undefined) ?? { doing: 'begins' };
    this.#resumePoint = this.#latest.resumePoint;
    const timeout = info.heartbeatTimeoutMs ?? 20_000;
    this.#timer = setInterval(() => this.#beat(), Math.min(timeout / 2, BEAT_SECONDS * 1000));
  }

  /**
   * The resume point, loaded by `load`; undefined on a fresh start, or if one of its artifacts is missing or damaged:
   * then all work is done again.
   */
  async resume<S>(load: (point: P) => Promise<S>): Promise<S | undefined> {
    if (this.#resumePoint === undefined) return undefined;
    try {
      return await load(this.#resumePoint);
    } catch (error) {
      if (error instanceof ArtifactError) return undefined;
      throw error;
    }
  }

  /** Says what the activity is doing from now on. */
  tell(doing: Doing): void {
    const { resumePoint } = this.#latest;
    this.#latest = { ...doing, ...(resumePoint === undefined ? {} : { resumePoint }) };
    this.#told = performance.now();
    this.#beat();
  }

  /**
   * Sets and reports the resume point; everything it refers to must already be durable. True once the server has it:
   * the SDK throttles heartbeats, so this one is sent directly.
   */
  async reached(point: P): Promise<boolean> {
    this.#latest = { ...this.#latest, resumePoint: point };
    this.#beat();
    return await reportToServer(this.#details);
  }

  get #details(): Details<P> {
    const seconds = Math.round((performance.now() - this.#told) / 1000);
    return this.#latest.doing === undefined || seconds < RECENT_SECONDS
      ? this.#latest
      : { ...this.#latest, toldSecondsAgo: seconds };
  }

  #beat(): void {
    const details = this.#details;
    heartbeat(details);
    const now = performance.now();
    if (details.doing === undefined || now < this.#nextSignal) return;
    this.#nextSignal = Infinity; // until this one is sent
    const { resumePoint: _, ...doing } = details;
    this.#runBegan ??= runBegan();
    void Promise.all([this.#runBegan, tellRun(doing)]).then(([began]) => {
      const pause = Math.max(SIGNAL_SECONDS * 1000, (Date.now() - began) * SIGNAL_SHARE);
      this.#nextSignal = performance.now() + pause;
    });
  }

  /**
   * True once the worker shuts down or the run was stopped: reach a resume point, then call `throwIfInterrupted`.
   */
  get interrupted(): boolean {
    return cancellationSignal().aborted;
  }

  /**
   * Throws if the activity was cancelled. A worker's shutdown counts as a failure, so another attempt follows.
   */
  throwIfInterrupted(): void {
    cancellationSignal().throwIfAborted();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Now, if unknown (tests). */
async function runBegan(): Promise<number> {
  try {
    const { startTime } = await Context.current().client.workflow.getHandle(runOf()).describe();
    return startTime.getTime();
  } catch {
    return Date.now();
  }
}

/** For the Web UI, where it is part of the run's current details. A lost signal does no harm. */
async function tellRun(doing: Doing): Promise<void> {
  try {
    await Context.current().client.workflow.getHandle(runOf()).signal('doing', doing);
  } catch {
    // the server is unreachable, or there is none (tests)
  }
}

/**
 * False if the server did not accept it: it is unreachable, gave the activity to another worker, or does not exist
 * (tests).
 */
async function reportToServer(details: unknown): Promise<boolean> {
  try {
    const { client, info } = Context.current();
    await client.workflowService.recordActivityTaskHeartbeat({
      namespace: client.options.namespace,
      taskToken: info.taskToken,
      identity: client.options.identity,
      details: { payloads: [defaultPayloadConverter.toPayload(details)] },
    });
    return true;
  } catch {
    return false;
  }
}
