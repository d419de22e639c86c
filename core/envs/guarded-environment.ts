/** The part of a step that all built-in games share. */
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { Environment, JsonState, StepResult } from './env.ts';

/** An environment that refuses steps after its end and actions that are not legal. */
export abstract class GuardedEnvironment implements Environment {
  abstract readonly name: string;
  #over = false;

  abstract state(): JsonState;
  abstract observe(size: number): RgbImage;
  abstract promptValues(): Readonly<Record<string, string>>;
  abstract legalActions(): readonly string[];
  /** The step itself; `action` is legal and the episode open. */
  protected abstract act(action: string): StepResult;

  step(action: string): StepResult {
    if (this.#over) throw new Error(`${this.name}: the episode is over`);
    if (!this.legalActions().includes(action)) throw new RangeError(`${this.name}: "${action}" is not an action`);
    const result = this.act(action);
    this.#over = result.stop !== null;
    return result;
  }
}
