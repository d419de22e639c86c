/** What a crash may cost, and which checkpoints are kept. */
import { z } from 'zod';
import { positive } from './values.ts';

export const durability = z
  .strictObject({
    heartbeatSeconds: z
      .number()
      .min(1)
      .default(20)
      .describe('Seconds of silence after which a GPU activity is restarted on another worker.'),
    resumePointSeconds: z
      .number()
      .min(0)
      .default(10)
      .describe(
        'Seconds between resume points of a GPU activity; more if storing them would take more than ' +
          '`resumePointShare`. 0: a resume point after every round or optimizer step.',
      ),
    resumePointShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.05)
      .describe('Share of the running time that storing resume points may take, measured during the run.'),
  })
  .describe('What a crash may cost.');

export const checkpoints = z
  .strictObject({
    keepLast: positive
      .default(2)
      .describe(
        'Newest iterations that keep their policy and optimizer: the run can be reset to them or forked from them.',
      ),
    keepEvery: z.int().min(0).default(0).describe('Keep every n-th iteration for good, with its optimizer; 0: none.'),
  })
  .describe(
    'Which finished iterations keep their weights, in addition to the best policy of evaluations during the ' +
      'run. Metrics, samples and corrections are always kept.',
  );
