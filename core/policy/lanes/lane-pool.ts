/** Lanes of one machine: jobs go to whichever lane is free; what they compute does not depend on which that is. */
import { Worker } from 'node:worker_threads';
import { BusyClock } from './busy-clock.ts';
import type { LaneJob, LaneResult, LaneSetup } from './lane.ts';
import type { LaneAnswer, LaneReply } from './lane-worker.ts';

/** A lane died or a graph failed in it. */
export class LaneError extends Error {
  override name = 'LaneError';
}

/** Arrays of one kind that are kept to be written over. */
const SPARE_PER_LANE = 2;

type Waiting = { resolve(result: unknown): void; reject(error: Error): void };

class LaneThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #failure: LaneError | null = null;

  constructor(setup: LaneSetup) {
    this.#worker = new Worker(new URL('./lane-worker.ts', import.meta.url), { workerData: setup });
    this.#worker.on('message', ({ id, result, error }: LaneReply) => {
      const waiting = this.#waiting.get(id)!;
      this.#waiting.delete(id);
      if (error === undefined) waiting.resolve(result);
      else waiting.reject(new LaneError(error));
    });
    this.#worker.on('error', (error) => this.#fail(`a lane failed: ${error.message}`));
    this.#worker.on('exit', (code) => this.#fail(`a lane ended with code ${code}`));
    this.#worker.unref();
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  ask(message: object, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, ...message }, transfer);
    }).finally(() => {
      if (this.#waiting.size === 0) this.#worker.unref();
    });
  }

  async end(): Promise<void> {
    if (this.#failure === null) await this.ask({ close: true });
    await this.#worker.terminate();
  }

  #fail(message: string): void {
    this.#failure ??= new LaneError(message);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

export class LanePool {
  readonly #lanes: LaneThread[];
  readonly #free: LaneThread[];
  readonly #queue: ((lane: LaneThread) => void)[] = [];
  // Memory to be written over: fresh memory costs more than what is done in it, and its garbage more again.
  readonly #spareGradients: Float32Array[] = [];
  readonly #sparePixels = new Map<number, Float32Array[]>();
  /** Runs while a lane computes, or whoever goes on with what lanes computed. */
  readonly clock = new BusyClock();
  #parameters: Float32Array = new Float32Array(0);

  constructor(setup: LaneSetup, lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => new LaneThread(setup));
    this.#free = [...this.#lanes];
  }

  /** Whether a lane has died: this pool computes nothing more. */
  get failed(): boolean {
    return this.#lanes.some((lane) => lane.failed);
  }

  /**
   * Gives all lanes the parameters of the jobs that follow, which they copy out of shared memory; one call at a time.
   */
  async setParameters(flat: Float32Array): Promise<void> {
    await this.clock.timed(async () => {
      if (this.#parameters.length !== flat.length)
        this.#parameters = new Float32Array(new SharedArrayBuffer(flat.byteLength));
      this.#parameters.set(flat);
      await Promise.all(this.#lanes.map((lane) => lane.ask({ parameters: this.#parameters })));
    });
  }

  /** Runs a job on the next free lane. Its feeds move there: the caller's arrays are empty afterwards. */
  run(job: LaneJob): Promise<LaneResult> {
    return this.clock.timed(() => this.#run(job));
  }

  async #run(job: LaneJob): Promise<LaneResult> {
    const lane = this.#free.pop() ?? (await new Promise<LaneThread>((resolve) => this.#queue.push(resolve)));
    try {
      const feeds = Object.values(job.feeds).map(({ buffer }) => buffer as ArrayBuffer);
      const gradient = job.kind === 'train' ? this.#spareGradients.pop() : undefined;
      const asked =
        gradient === undefined
          ? lane.ask({ job }, feeds)
          : lane.ask({ job: { ...job, gradient } }, [...feeds, gradient.buffer as ArrayBuffer]);
      const { pixels, ...result } = (await asked) as LaneAnswer;
      this.#keepPixels(pixels);
      return result;
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#free.push(lane);
      else next(lane);
    }
  }

  /** Memory for the pixels of a job, with anything in it. */
  newPixels(length: number): Float32Array {
    return this.#sparePixels.get(length)?.pop() ?? new Float32Array(length);
  }

  #keepPixels(pixels: Float32Array): void {
    const spare = this.#sparePixels.get(pixels.length) ?? [];
    if (spare.length < SPARE_PER_LANE * this.#lanes.length) this.#sparePixels.set(pixels.length, [...spare, pixels]);
  }

  /** Takes back a gradient that `run` gave and nobody reads any more. */
  recycle(gradient: Float32Array): void {
    if (this.#spareGradients.length < SPARE_PER_LANE * this.#lanes.length) this.#spareGradients.push(gradient);
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
  }
}
