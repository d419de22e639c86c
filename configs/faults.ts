/** What is wrong with files that others made, told at once. */
import { ConfigError } from './schema.ts';

/** Faults that are told; of others only the number. */
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

  /** Throws `ConfigError`: the one sentence, or a line for each, where there are any. */
  check(): void {
    if (this.#count === 0) return;
    if (this.#count === 1) throw new ConfigError(this.#told[0]);
    const more = this.#count > MOST_TOLD ? [`and ${this.#count - MOST_TOLD} more`] : [];
    throw new ConfigError([`${this.#count} faults:`, ...this.#told, ...more].join('\n  '));
  }
}
