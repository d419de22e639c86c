/** Evaluation, and the watch for collapsed thoughts. */
import { z } from 'zod';
import { MOST_EPISODES, positive } from './values.ts';

export const collapse = z
  .strictObject({
    thoughts: z
      .int()
      .min(0)
      .default(8)
      .describe(
        "Thoughts of each iteration's first wave that are scored against each other's observations and a white " +
          'picture. n thoughts take n * (n + 1) forward passes. 0: none.',
      ),
    alarm: z
      .array(
        z.strictObject({
          metric: z.string().min(1).describe('Metric to watch (docs/metrics.md).'),
          below: z
            .number()
            .positive()
            .describe('The rule fires when the metric stays below this share of its first value.'),
          iterations: positive.default(3).describe('Iterations in a row that it must stay below.'),
          raiseSft: z
            .number()
            .gt(1)
            .nullable()
            .default(null)
            .describe('Factor by which the rule raises `sft.coef`; null: the run pauses and says why.'),
        }),
      )
      .default([])
      .describe('Rules; each fires once. E.g. [{"metric": "collapse/mutualInformation", "below": 0.5}].'),
  })
  .describe('Watch for thoughts that turn into templates.');

export const evaluation = z
  .strictObject({
    episodes: z
      .int()
      .max(MOST_EPISODES)
      .min(0)
      .default(300)
      .describe(
        'Episodes of each evaluation: before the first and after the last iteration, and during the run ' +
          '(`everyIterations`); 0: none.',
      ),
    seed: z.int().min(0).default(20_000).describe('Seed of the evaluation deals; training deals have others.'),
    decoding: z
      .enum(['sampled', 'greedy', 'both'])
      .default('sampled')
      .describe(
        "How responses are decoded: sampled at the rollout's temperature, greedily, or both in turn on the same " +
          'deals.',
      ),
    everyIterations: z.int().min(0).default(0).describe('Also evaluate after every n-th iteration; 0: never.'),
    options: z.record(z.string(), z.unknown()).default({}).describe('Environment options that differ in evaluation.'),
    heldOut: z
      .record(z.string(), z.unknown())
      .nullable()
      .default(null)
      .describe('Environment options of a second evaluation on held-out deals; null: none.'),
  })
  .describe('Evaluation, separate from training.');
