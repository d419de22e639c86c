/** Steering a run: the signals that every workflow of a run understands, and the gate they work through. */
import { condition, defineSignal, setHandler } from '@temporalio/workflow';

export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
/** A part of the run cannot go on without a person: the run pauses, and says why. */
export const haltSignal = defineSignal<[string]>('halt');

/** Where a workflow waits while it is paused. */
export class PauseGate {
  paused: boolean;
  #onChange: (paused: boolean) => void = () => {};

  constructor(paused = false) {
    this.paused = paused;
  }

  /** Starts to heed the signals; one that came before is heeded at once. `onChange` is told of every pause and resume, e.g. to pass it on to a child. */
  listen(onChange: (paused: boolean) => void = () => {}): void {
    this.#onChange = onChange;
    setHandler(pauseSignal, () => this.turn(true));
    setHandler(resumeSignal, () => this.turn(false));
  }

  /** As if paused or resumed by signal. */
  turn(paused: boolean): void {
    this.paused = paused;
    this.#onChange(paused);
  }

  /** Resolves at once, or when the run is resumed. */
  async pass(): Promise<void> {
    await condition(() => !this.paused);
  }
}
