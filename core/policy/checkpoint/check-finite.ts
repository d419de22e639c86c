/** Checks that all weights are finite numbers. */
import { holdsNotFinite } from '../../graph/not-finite.ts';
import type { TensorLocation } from '../../graph/safetensors.ts';
import { CheckpointError } from './errors.ts';

/**
 * Reads all of them, because a single NaN would spread through everything computed with it. Throws `CheckpointError`.
 */
export function checkFinite(tensors: readonly TensorLocation[]): void {
  const tensor = tensors.find(holdsNotFinite);
  if (tensor !== undefined)
    throw new CheckpointError(
      `${tensor.file}: ${tensor.name} holds a number that is not finite (NaN or infinite); fetch the file again, or ` +
        `use weights from before the training that made them so`,
    );
}
