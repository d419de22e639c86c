/** Lanes of one machine: jobs go to whichever lane is free; their results do not depend on the lane. */
import { BusyClock } from './busy-clock.ts';
import type { LaneJob, LaneResult, LaneSetup } from './lane.ts';
import { type LaneChannel, openLane } from './lane-channel.ts';

export { LaneError } from './lane-channel.ts';

/** Arrays of one kind that are kept for reuse. */
const SPARE_PER_LANE = 2;

export class LanePool {
  readonly #lanes: LaneChannel[];
  readonly #free: LaneChannel[];
  readonly #queue: ((lane: LaneChannel) => void)[] = [];
  // Memory for reuse: allocating costs more than the work done in it, and its garbage costs more again.
  readonly #spareGradients: Float32Array[] = [];
  readonly #sparePixels = new Map<number, Float32Array[]>();
  /** Runs while a lane computes, or while the results of lanes are processed. */
  readonly clock = new BusyClock();
  #parameters: Float32Array = new Float32Array(0);

  constructor(setup: LaneSetup, lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => openLane(setup));
    this.#free = [...this.#lanes];
  }

  /** Whether a lane has died: then this pool is unusable. */
  get failed(): boolean {
    return this.#lanes.some((lane) => lane.failed);
  }

  /**
   * Gives all lanes the parameters of the next jobs, which they copy from shared memory; one call at a time.
   */
  async setParameters(flat: Float32Array): Promise<void> {
    await this.clock.timed(async () => {
      if (this.#parameters.length !== flat.length)
        this.#parameters = new Float32Array(new SharedArrayBuffer(flat.byteLength));
      this.#parameters.set(flat);
      await Promise.all(this.#lanes.map((lane) => lane.setParameters(this.#parameters)));
    });
  }

  /** Runs a job on the next free lane. Its feeds are transferred: the caller's arrays are empty afterwards. */
  run(job: LaneJob): Promise<LaneResult> {
    return this.clock.timed(() => this.#run(job));
  }

  async #run(job: LaneJob): Promise<LaneResult> {
    const lane = this.#free.pop() ?? (await new Promise<LaneChannel>((resolve) => this.#queue.push(resolve)));
    try {
      const gradient = job.kind === 'train' ? this.#spareGradients.pop() : undefined;
      const { pixels, ...result } = await lane.run(job, gradient);
      this.#keepPixels(pixels);
      return result;
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#free.push(lane);
      else next(lane);
    }
  }

  /** Memory for the pixels of a job, with arbitrary content. */
  newPixels(length: number): Float32Array {
    return this.#sparePixels.get(length)?.pop() ?? new Float32Array(length);
  }

  #keepPixels(pixels: Float32Array): void {
    const spare = this.#sparePixels.get(pixels.length) ?? [];
    if (spare.length < SPARE_PER_LANE * this.#lanes.length) this.#sparePixels.set(pixels.length, [...spare, pixels]);
  }

  /** Takes back a gradient of `run` that is no longer read. */
  recycle(gradient: Float32Array): void {
    if (this.#spareGradients.length < SPARE_PER_LANE * this.#lanes.length) this.#spareGradients.push(gradient);
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
  }
}
