/** Counts the seconds of the work that it runs. */
export class Stopwatch {
  seconds = 0;

  async time<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await work();
    this.seconds += (performance.now() - started) / 1000;
    return result;
  }
}
