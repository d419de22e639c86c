/** What made a workflow or activity fail, however deep it lies. */
import { ApplicationFailure } from '@temporalio/common';

/** Whether an error is, or was caused by, a failure of this type (`Artifact.Unusable`, ...). */
export function hasFailureType(error: unknown, type: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ApplicationFailure && cause.type === type) return true;
  return false;
}
