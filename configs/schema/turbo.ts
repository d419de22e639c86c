/** Teachers merged from the run's own checkpoints (GTR-Turbo). */
import { z } from 'zod';
import { positive } from './values.ts';

export const turbo = z
  .strictObject({
    merge: z
      .strictObject({
        interval: positive.default(1).describe('Iterations between two merges of the teacher.'),
        until: z
          .int()
          .min(0)
          .nullable()
          .default(null)
          .describe(
            'Iteration after which the teacher no longer changes; 0: it is always the start model; null: it ' +
              'always changes.',
          ),
        method: z.enum(['ties', 'linear']).default('ties').describe('TIES merge, or the weighted mean of the changes.'),
        adapters: z
          .enum(['product', 'factors'])
          .default('product')
          .describe(
            'What is merged with LoRA. product: B A of each layer, whole matrices with their own session; ' +
              'factors: A and B separately, an adapter again and far cheaper (docs/turbo.md).',
          ),
        weights: z
          .enum(['sma', 'ema'])
          .default('sma')
          .describe(
            'How checkpoints count. sma: all the same (the last teacher counts for those it was made from); ' +
              'ema: newer ones count more.',
          ),
        alpha: z.number().gt(0).max(1).default(0.5).describe('With ema: weight of each new checkpoint.'),
        density: z.number().gt(0).max(1).default(0.8).describe("Share of each tensor's changes that TIES keeps."),
      })
      .prefault({})
      .describe("How the teacher is merged from the run's own checkpoints."),
    kl: z
      .strictObject({
        coef: z.number().min(0).default(1).describe('Weight of the distance from the teacher.'),
        clip: z
          .enum(['none', 'zero', 'abs', 'k3'])
          .default('zero')
          .describe(
            'Distance of an answer, from the mean difference of log-probs per token. none: the difference ' +
              "itself; zero: at least 0; abs: its absolute value; k3: Schulman's estimate. All but `none` are at " +
              'most 10.',
          ),
        tokens: z
          .enum(['thought', 'all', 'thought-and-noise'])
          .default('thought')
          .describe(
            "Tokens whose distance is measured. thought: the thought's; all: the action's as well; " +
              "thought-and-noise, a control: the action's against seeded noise instead of the teacher.",
          ),
        from: z
          .enum(['advantage', 'returns'])
          .default('advantage')
          .describe(
            'What the distance is subtracted from: advantages only, or returns, so that the value head ' +
              'learns it as well.',
          ),
      })
      .prefault({})
      .describe('gtr-turbo-kl.'),
    sft: z
      .strictObject({
        temperature: z.number().min(0).default(0.2).describe('Temperature at which the teacher is sampled.'),
        tries: positive.max(1000).default(3).describe('Most answers to sample until one is well-formed.'),
      })
      .prefault({})
      .describe('gtr-turbo-sft.'),
  })
  .describe("Teachers merged from the run's own checkpoints (GTR-Turbo).");
