/** The other side of `activities/fault-point.ts`: arms a fault, waits until an activity stops there, releases it. */
import { existsSync, watch } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ARMED, type Fault, REACHED, STANDING } from '../../activities/fault-point.ts';

const LOOK_MS = 20;

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

  /** The next activity that reaches this point stops there. */
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

  /** Process id of the worker whose activity has stopped there. */
  async standing(): Promise<number> {
    for (; ; await sleep(LOOK_MS)) {
      const text = await readFile(path.join(this.#folder, STANDING), 'utf8').catch(() => '');
      if (text !== '') return Number(text);
    }
  }

  /** Releases a stopped activity, if it is still alive, and disarms a point that was not reached. */
  async release(): Promise<void> {
    await rm(path.join(this.#folder, STANDING), { force: true });
    await rm(path.join(this.#folder, REACHED), { force: true });
  }

  async disarm(): Promise<void> {
    await rm(path.join(this.#folder, ARMED), { force: true });
    await this.release();
  }
}
