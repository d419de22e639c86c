/** Steering a run: the signals that every workflow of a run understands, and the gate that they control. */
import {
  CancellationScope,
  type ChildWorkflowHandle,
  condition,
  defineSignal,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { Workflow } from '@temporalio/common';
import type { Doing } from '../core/episodes/doing.ts';

const pauseSignal = defineSignal('pause');
const resumeSignal = defineSignal('resume');
/** What an activity of the run is doing, reported from time to time (activities/activity.ts). */
export const doingSignal = defineSignal<[Doing]>('doing');
/** A part of the run needs a person: the run pauses and says why. */
export const haltSignal = defineSignal<[string]>('halt');

/** `told`: whether it knows that it is paused. */
type Child = { handle: ChildWorkflowHandle<Workflow>; told: boolean; telling: boolean };

type Queued = { scope: CancellationScope; takenBack: boolean };

/** The gate where a workflow waits while it is paused. */
export class PauseGate {
  paused: boolean;
  #onChange: (paused: boolean) => void = () => {};
  readonly #children = new Set<Child>();
  readonly #queued = new Set<Queued>();

  constructor(paused = false) {
    this.paused = paused;
  }

  /**
   * Starts to handle the signals; one that came earlier is handled at once. `onChange` is called on every pause and
   * resume.
   */
  listen(onChange: (paused: boolean) => void = () => {}): void {
    this.#onChange = onChange;
    setHandler(pauseSignal, () => this.setPaused(true));
    setHandler(resumeSignal, () => this.setPaused(false));
  }

  /** As if paused or resumed by signal. */
  setPaused(paused: boolean): void {
    this.paused = paused;
    for (const child of this.#children) void this.#tell(child);
    if (paused) for (const queued of [...this.#queued].slice(1)) takeBack(queued);
    this.#onChange(paused);
  }

  /** Forwards every pause and resume to a child until `promise` settles. `told`: what it was started with. */
  async forwardTo<T>(handle: ChildWorkflowHandle<Workflow>, told: boolean, promise: Promise<T>): Promise<T> {
    const child: Child = { handle, told, telling: false };
    this.#children.add(child);
    void this.#tell(child);
    try {
      return await promise;
    } finally {
      this.#children.delete(child);
    }
  }

  /** One signal at a time, because two at once may arrive in any order; the last one carries the newest state. */
  async #tell(child: Child): Promise<void> {
    if (child.telling) return;
    child.telling = true;
    while (child.told !== this.paused && this.#children.has(child)) {
      child.told = this.paused;
      await child.handle.signal(child.told ? pauseSignal : resumeSignal).catch(() => {}); // it may have closed
    }
    child.telling = false;
  }

  /** Resolves at once, or when the run is resumed. */
  async pass(): Promise<void> {
    await condition(() => !this.paused);
  }

  /**
   * Work that queues for one worker. A pause withdraws all but the first; a resume queues them again.
   */
  async queue<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.pass();
      const queued: Queued = { scope: new CancellationScope(), takenBack: false };
      this.#queued.add(queued);
      try {
        return await queued.scope.run(work);
      } catch (error) {
        if (!queued.takenBack || !isCancellation(error)) throw error;
      } finally {
        this.#queued.delete(queued);
      }
    }
  }
}

function takeBack(queued: Queued): void {
  queued.takenBack = true;
  queued.scope.cancel();
}
