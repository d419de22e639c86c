/** Failures of workflows: their root cause, however deep, and refused input. */
import { ApplicationFailure } from '@temporalio/common';
import { FAILURES } from '../configs/failure-types.ts';

/** Whether an error is, or was caused by, a failure of this type (`FAILURES`). */
export function hasFailureType(error: unknown, type: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ApplicationFailure && cause.type === type) return true;
  return false;
}

/** The root cause; outer failures only say where it happened. */
export function rootFailure(error: Error): Error {
  let failure = error;
  while (failure.cause instanceof Error && !(failure instanceof ApplicationFailure)) failure = failure.cause;
  return failure;
}

/** The result of `check`. What it throws fails the workflow as a wrong configuration, without retries. */
export function orInvalid<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw ApplicationFailure.nonRetryable((error as Error).message, FAILURES.configuration);
  }
}

/** Fails the workflow as a wrong configuration with this sentence, if there is one. */
export function refuse(problem: string | null): void {
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, FAILURES.configuration);
}
