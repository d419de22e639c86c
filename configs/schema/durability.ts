/** What a crash may cost, and which checkpoints are kept. */
import { z } from 'zod';
import { positive } from './values.ts';

export const durability = z
  .strictObject({
    heartbeatSeconds: z
      .number()
      .min(1)
      .default(20)
      .describe('A GPU activity that is silent for so long is started again elsewhere.'),
    resumePointSeconds: z
      .number()
      .min(0)
      .default(10)
      .describe(
        'A GPU activity stores a resume point so often, or less often where that would exceed `resumePointShare`; 0: ' +
          'after every round or optimizer step.',
      ),
    resumePointShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.05)
      .describe('Share of the time that storing resume points may take, as measured while the run goes.'),
  })
  .describe('What a crash may cost.');

export const checkpoints = z
  .strictObject({
    keepLast: positive
      .default(2)
      .describe('Newest iterations whose policy and optimizer are kept: a run can be reset to them, or forked there.'),
    keepEvery: z
      .int()
      .min(0)
      .default(0)
      .describe('Every so many iterations one is kept for good, with its optimizer; 0: none.'),
  })
  .describe(
    'Which finished iterations keep their weights, beside the policy of the best evaluation in between; their metrics, ' +
      'samples and corrections always stay.',
  );
