/** The other side of `activities/fault-point.ts`: arms a fault, waits until an activity stands there, lets it go on. */
import { existsSync, watch } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ARMED, type Fault, REACHED } from '../../activities/fault-point.ts';

export class FaultSwitch {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder and sets `GTR_FAULTS`, for processes that are started from now on. */
  static async open(folder: string): Promise<FaultSwitch> {
    await mkdir(folder, { recursive: true });
    process.env.GTR_FAULTS = folder;
    return new FaultSwitch(folder);
  }

  /** The next activity that comes to this point stops there. */
  async arm(fault: Fault): Promise<void> {
    const unfinished = path.join(this.#folder, 'unfinished.json');
    await writeFile(unfinished, JSON.stringify(fault));
    await rename(unfinished, path.join(this.#folder, ARMED));
  }

  /** Resolves when an activity has stopped at the armed point. */
  async reached(signal: AbortSignal): Promise<void> {
    const file = path.join(this.#folder, REACHED);
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (existsSync(file)) end(resolve);
      };
      const watcher = watch(this.#folder, look);
      const end = (settle: () => void) => {
        watcher.close();
        signal.removeEventListener('abort', abort);
        settle();
      };
      const abort = () => end(() => reject(signal.reason as Error));
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      else look();
    });
  }

  /** Lets a stopped activity go on, if it still lives, and disarms what was not reached. */
  async release(): Promise<void> {
    await rm(path.join(this.#folder, REACHED), { force: true });
  }

  async disarm(): Promise<void> {
    await rm(path.join(this.#folder, ARMED), { force: true });
    await this.release();
  }
}
