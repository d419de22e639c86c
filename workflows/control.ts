/** Steering a run: the signals that every workflow of a run understands, and the gate they work through. */
import { condition, defineSignal, setHandler } from '@temporalio/workflow';

export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');

/** Where a workflow waits while it is paused. */
export class PauseGate {
  paused = false;

  /** `onChange` is told of every pause and resume, e.g. to pass it on to a child. */
  constructor(onChange: (paused: boolean) => void = () => {}, paused = false) {
    this.paused = paused;
    const turn = (value: boolean) => () => {
      this.paused = value;
      onChange(value);
    };
    setHandler(pauseSignal, turn(true));
    setHandler(resumeSignal, turn(false));
  }

  /** Resolves at once, or when the run is resumed. */
  async pass(): Promise<void> {
    await condition(() => !this.paused);
  }
}
