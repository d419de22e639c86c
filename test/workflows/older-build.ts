/**
 * The workflows of an older build: today's, but for a timer at the start of each iteration, on whose history today's
 * code cannot go on.
 */
import { sleep } from '@temporalio/workflow';
import { iteration as todays, type IterationInput, type IterationResult } from '../../workflows/iteration.ts';

export { correctWave, train } from '../../workflows/index.ts';

export async function iteration(input: IterationInput): Promise<IterationResult> {
  await sleep(1);
  return await todays(input);
}
