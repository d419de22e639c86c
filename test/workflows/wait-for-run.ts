/** Waiting for what a paid run meets. */
import { withClient } from '../../bench/harness/installation.ts';
import type { Progress } from '../../workflows/run-contract.ts';

/** Waits until a run has paused by itself. */
export async function halted(id: string, reason: RegExp): Promise<Progress> {
  for (;;) {
    const progress = await withClient((client) => client.workflow.getHandle(id).query<Progress>('progress'));
    if (progress.halted !== null && reason.test(progress.halted)) return progress;
    if (['done', 'stopped'].includes(progress.status)) throw new Error(`${id} ended`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until a thought of the run's first wave has failed so; `check` gets the seconds until it is tried again. */
export async function waitingFor(id: string, failure: string, check: (seconds: number) => void): Promise<void> {
  for (;;) {
    const described = await withClient((client) =>
      client.workflow
        .getHandle(`${id}/iteration-0/wave-0`)
        .describe()
        .catch(() => null),
    );
    const waiting = described?.raw.pendingActivities?.find(
      ({ lastFailure }) => lastFailure?.applicationFailureInfo?.type === failure,
    );
    if (waiting != null) return check(Number(waiting.currentRetryInterval?.seconds ?? 0));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
