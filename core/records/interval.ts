/** Says when something is due that is done every n seconds. */
export class Interval {
  readonly #seconds: number;
  #last = performance.now();

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  due(): boolean {
    const now = performance.now();
    if (now - this.#last < this.#seconds * 1000) return false;
    this.#last = now;
    return true;
  }
}
