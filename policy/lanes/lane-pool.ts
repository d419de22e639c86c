/** Lanes of one machine: jobs go to whichever lane is free; what they compute does not depend on which that is. */
import { Worker } from 'node:worker_threads';
import type { LaneJob, LaneResult, LaneSetup } from './lane.ts';
import type { LaneReply } from './lane-worker.ts';

/** A lane died or a graph failed in it. */
export class LaneError extends Error {
  override name = 'LaneError';
}

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
  readonly #spareGradients: Float32Array[] = [];
  #parameters: Float32Array = new Float32Array(0);
  #busy = 0;
  #busySince = 0;
  #seconds = 0;

  constructor(setup: LaneSetup, lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => new LaneThread(setup));
    this.#free = [...this.#lanes];
  }

  /** Whether a lane has died: this pool computes nothing more. */
  get failed(): boolean {
    return this.#lanes.some((lane) => lane.failed);
  }

  /** Seconds in which at least one lane was busy. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Gives all lanes the parameters of the jobs that follow, which they copy out of shared memory; one call at a time. */
  async setParameters(flat: Float32Array): Promise<void> {
    if (this.#parameters.length !== flat.length) this.#parameters = new Float32Array(new SharedArrayBuffer(flat.byteLength));
    this.#parameters.set(flat);
    await this.#timed(() => Promise.all(this.#lanes.map((lane) => lane.ask({ parameters: this.#parameters }))));
  }

  /** Runs a job on the next free lane. Its feeds move there: the caller's arrays are empty afterwards. */
  run(job: LaneJob): Promise<LaneResult> {
    return this.#timed(() => this.#run(job));
  }

  async #run(job: LaneJob): Promise<LaneResult> {
    const lane = this.#free.pop() ?? (await new Promise<LaneThread>((resolve) => this.#queue.push(resolve)));
    try {
      const feeds = Object.values(job.feeds).map(({ buffer }) => buffer as ArrayBuffer);
      const gradient = job.kind === 'train' ? this.#spareGradients.pop() : undefined;
      if (gradient === undefined) return (await lane.ask({ job }, feeds)) as LaneResult;
      return (await lane.ask({ job: { ...job, gradient } }, [...feeds, gradient.buffer as ArrayBuffer])) as LaneResult;
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#free.push(lane);
      else next(lane);
    }
  }

  /** Takes back a gradient that `run` gave and nobody reads any more; as many are kept as there are lanes. */
  recycle(gradient: Float32Array): void {
    if (this.#spareGradients.length < this.#lanes.length) this.#spareGradients.push(gradient);
  }

  async #timed<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy++ === 0) this.#busySince = performance.now();
    try {
      return await work();
    } finally {
      if (--this.#busy === 0) this.#seconds += (performance.now() - this.#busySince) / 1000;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
  }
}
