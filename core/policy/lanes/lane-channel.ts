/** A client of one lane: requests, and promises of their answers. */
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { LaneJob, LaneResult, LaneSetup } from './lane.ts';
import { elements } from '../../graph/tensor.ts';
import type { LaneReply, ProcessResult } from './lane-requests.ts';
import { SharedArray } from './shared-array.ts';

/** A lane died or a graph failed in it. */
export class LaneError extends Error {
  override name = 'LaneError';
}

/** The result of a job, and its feed if that can be reused. */
export type LaneAnswer = LaneResult & { pixels: Float32Array };

type Waiting = { resolve(result: unknown): void; reject(error: Error): void };

export abstract class LaneChannel {
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #failure: LaneError | null = null;

  /** Whether the lane has died. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Runs a job. Its feeds may be transferred; `gradient` may be overwritten. */
  abstract run(job: LaneJob, gradient: Float32Array | undefined): Promise<LaneAnswer>;

  /** The parameters of the jobs that follow, in shared memory. */
  abstract setParameters(shared: Float32Array): Promise<void>;

  /** Sends a message. */
  protected abstract post(message: object, transfer: ArrayBuffer[]): void;

  /** Whether the process must wait for the lane. */
  protected abstract hold(held: boolean): void;

  protected abstract terminate(): Promise<void>;

  protected ask(message: object, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.hold(true);
      this.post({ id, ...message }, transfer);
    }).finally(() => {
      if (this.#waiting.size === 0) this.hold(false);
    });
  }

  protected receive({ id, result, error }: LaneReply): void {
    const waiting = this.#waiting.get(id)!;
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new LaneError(error));
  }

  protected fail(message: string): void {
    this.#failure ??= new LaneError(message);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }

  async end(): Promise<void> {
    if (this.#failure === null) await this.ask({ close: true });
    await this.terminate();
  }
}

/** A lane as a thread of this process: arrays are transferred both ways. */
export class LaneThread extends LaneChannel {
  readonly #worker: Worker;

  constructor(setup: LaneSetup) {
    super();
    this.#worker = new Worker(new URL('./lane-worker.ts', import.meta.url), { workerData: setup });
    this.#worker.on('message', (reply: LaneReply) => this.receive(reply));
    this.#worker.on('error', (error) => this.fail(`a lane failed: ${error.message}`));
    this.#worker.on('exit', (code) => this.fail(`a lane ended with code ${code}`));
    this.#worker.unref();
  }

  async run(job: LaneJob, gradient: Float32Array | undefined): Promise<LaneAnswer> {
    const moved = [...Object.values(job.feeds), ...(gradient === undefined ? [] : [gradient])];
    return (await this.ask(
      { job: gradient === undefined ? job : { ...job, gradient } },
      moved.map(({ buffer }) => buffer as ArrayBuffer),
    )) as LaneAnswer;
  }

  async setParameters(shared: Float32Array): Promise<void> {
    await this.ask({ parameters: shared });
  }

  protected post(message: object, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer);
  }

  protected hold(held: boolean): void {
    if (held) this.#worker.ref();
    else this.#worker.unref();
  }

  protected async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** A lane as a process: parameters and gradients are copied through shared memory, other arrays through the channel. */
export class LaneProcess extends LaneChannel {
  readonly #process: ChildProcess;
  readonly #parameters = SharedArray.create();
  readonly #gradient = SharedArray.create();
  readonly #size: number;

  constructor(setup: LaneSetup) {
    super();
    this.#size = setup.model.trained.reduce((sum, { shape }) => sum + elements(shape), 0);
    this.#process = fork(path.join(import.meta.dirname, 'lane-process.ts'), {
      serialization: 'advanced',
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', this.#parameters.descriptor, this.#gradient.descriptor],
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...process.env, ...setup.device.environment },
    });
    this.#process.on('message', (reply) => this.receive(reply as LaneReply));
    this.#process.on('error', (error) => this.fail(`a lane failed: ${error.message}`));
    this.#process.on('exit', (code, signal) => this.fail(`a lane ended with ${signal ?? `code ${code}`}`));
    this.post({ setup });
    this.hold(false);
  }

  async run(job: LaneJob, gradient?: Float32Array): Promise<LaneAnswer> {
    const { pixels } = job.feeds;
    const { gradientWritten, ...result } = (await this.ask({ job })) as ProcessResult;
    if (gradientWritten === undefined) return { ...result, pixels };
    // Read before the lane takes the next job, which overwrites it.
    return { ...result, gradient: this.#gradient.read(gradient ?? new Float32Array(this.#size)), pixels };
  }

  async setParameters(shared: Float32Array): Promise<void> {
    this.#parameters.write(shared);
    await this.ask({ parametersWritten: shared.length });
  }

  protected post(message: object): void {
    this.#process.send(message, (error) => {
      if (error) this.fail(`a lane cannot be reached: ${error.message}`);
    });
  }

  protected hold(held: boolean): void {
    for (const handle of [this.#process, this.#process.channel]) {
      if (held) handle?.ref();
      else handle?.unref();
    }
  }

  protected async terminate(): Promise<void> {
    this.#process.kill('SIGKILL');
    this.#parameters.close();
    this.#gradient.close();
  }
}

/** Threads compute on the CPU; on a GPU each lane is a process. */
export function openLane(setup: LaneSetup): LaneChannel {
  return setup.device.provider === 'cpu' ? new LaneThread(setup) : new LaneProcess(setup);
}
