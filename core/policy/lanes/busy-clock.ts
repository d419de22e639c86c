/** Time spent computing, counted once when work runs in parallel. */
export class BusyClock {
  #busy = 0;
  #since = 0;
  #seconds = 0;

  /** Seconds in which at least one piece of work was running. */
  get seconds(): number {
    return this.#seconds;
  }

  async timed<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#busy++ === 0) this.#since = performance.now();
    try {
      return await work();
    } finally {
      if (--this.#busy === 0) this.#seconds += (performance.now() - this.#since) / 1000;
    }
  }
}
