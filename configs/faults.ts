/** Collects faults in users' files, to report them all at once. */
import { ConfigError } from './schema.ts';

/** The most faults that are listed; the rest are only counted. */
const MOST_TOLD = 20;

export class Faults {
  readonly #told: string[] = [];
  #count = 0;

  /** `sentence`: file, index, what is wrong. */
  add(sentence: string): void {
    if (this.#count++ < MOST_TOLD) this.#told.push(sentence);
  }

  get any(): boolean {
    return this.#count > 0;
  }

  /** Throws `ConfigError` if there are faults: with the one sentence, or a line for each. */
  check(): void {
    if (this.#count === 0) return;
    if (this.#count === 1) throw new ConfigError(this.#told[0]);
    const more = this.#count > MOST_TOLD ? [`and ${this.#count - MOST_TOLD} more`] : [];
    throw new ConfigError([`${this.#count} faults:`, ...this.#told, ...more].join('\n  '));
  }
}
