/** Says when something that is done every n seconds is due. */
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
