/** An iteration as a child workflow of its run. */
import { CancellationScope, isCancellation, startChild } from '@temporalio/workflow';
import type { RunConfig } from '../configs/schema.ts';
import { iteration, type IterationInput, type IterationResult } from './iteration.ts';
import type { Run } from './run.ts';

/** The input of an iteration. */
export type IterationStart = Pick<
  IterationInput,
  'iteration' | 'policy' | 'optimizer' | 'corrections' | 'keptPerWave' | 'ahead'
>;

/** Runs it to its end; null when the run was stopped in the middle. */
export async function runIteration(
  run: Run,
  { iteration: index, policy, optimizer, corrections, keptPerWave, ahead }: IterationStart,
  config: RunConfig,
): Promise<IterationResult | null> {
  const stopped = () => run.stop === 'now';
  if (stopped()) return null;
  const scope = (run.iterating = new CancellationScope());
  try {
    return await scope.run(async () => {
      const { iterations } = run;
      const { paused } = run.gate;
      const start = { iteration: index, policy, optimizer, corrections, keptPerWave, ahead };
      const child = await startChild(iteration, {
        workflowId: `${run.id}/iteration-${index}`,
        args: [{ runId: run.id, config, iterations, ...start, paused }],
        workflowIdReusePolicy: 'TERMINATE_IF_RUNNING', // after a reset the dropped one may still be running briefly
        staticSummary: `iteration ${index + 1} of ${iterations}`,
      });
      return await run.gate.forwardTo(child, paused, child.result());
    });
  } catch (error) {
    if (stopped() && isCancellation(error)) return null;
    throw error;
  } finally {
    run.iterating = null;
  }
}
