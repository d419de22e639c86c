/** Updates that GPU workers share (docs/scaling.md). */
import type { RunConfig } from './schema.ts';

/** A spread update stores policy and optimizer after this many optimizer steps. */
export const STEPS_PER_STORED_STATE = 4;

/** Groups of gradient shards in an optimizer step. A run that an older version began has no `parallel`. */
export function gradientGroups({ parallel }: Partial<Pick<RunConfig, 'parallel'>>): number {
  return parallel?.gradients ?? 1;
}
