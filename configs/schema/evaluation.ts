/** Evaluation, and the watch for collapsed thoughts. */
import { z } from 'zod';
import { positive } from './values.ts';

export const collapse = z
  .strictObject({
    thoughts: z
      .int()
      .min(0)
      .default(8)
      .describe(
        "Thoughts of each iteration's first wave that are scored under each other's observations and a white picture; " +
          'n of them take n * (n + 1) passes forward. 0: none.',
      ),
    alarm: z
      .array(
        z.strictObject({
          metric: z.string().min(1).describe('Metric that is watched (docs/metrics.md).'),
          below: z.number().positive().describe("Share of the metric's first value that it may not stay below."),
          iterations: positive.default(3).describe('So many iterations in a row.'),
          raiseSft: z
            .number()
            .gt(1)
            .nullable()
            .default(null)
            .describe('Factor by which `sft.coef` is raised then; null: the run pauses, and says why.'),
        }),
      )
      .default([])
      .describe('Rules that each fire once, e.g. [{"metric": "collapse/mutualInformation", "below": 0.5}].'),
  })
  .describe('Watch for thoughts that become templates.');

export const evaluation = z
  .strictObject({
    episodes: z
      .int()
      .min(0)
      .default(300)
      .describe('Episodes of the evaluation before the first and after the last iteration; 0: none.'),
    seed: z.int().min(0).default(20_000).describe('Seed of the evaluation deals, apart from training.'),
    decoding: z
      .enum(['sampled', 'greedy', 'both'])
      .default('sampled')
      .describe(
        "How responses are decoded: sampled at the rollout's temperature, greedily, or both, one after the other on " +
          'the same deals.',
      ),
    everyIterations: z.int().min(0).default(0).describe('Evaluate in between too; 0: never.'),
    options: z.record(z.string(), z.unknown()).default({}).describe('Environment options that differ in evaluation.'),
    heldOut: z
      .record(z.string(), z.unknown())
      .nullable()
      .default(null)
      .describe('Environment options of a second evaluation on held-out deals; null: none.'),
  })
  .describe('Evaluation apart from training.');
