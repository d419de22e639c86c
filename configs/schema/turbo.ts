/** Teachers merged from the run's own checkpoints (GTR-Turbo). */
import { z } from 'zod';
import { positive } from './values.ts';

export const turbo = z
  .strictObject({
    merge: z
      .strictObject({
        interval: positive.default(1).describe('The teacher is merged anew every so many iterations.'),
        until: z
          .int()
          .min(0)
          .nullable()
          .default(null)
          .describe('Iterations after which it stays as it is; 0: it is the start model; null: never.'),
        method: z
          .enum(['ties', 'linear'])
          .default('ties')
          .describe('How: by TIES, or as the weighted mean of the changes.'),
        adapters: z
          .enum(['product', 'factors'])
          .default('product')
          .describe(
            'What of LoRA is merged: the product B A of each layer, which makes whole matrices and a session of their ' +
              'own, or A and B apart, which is an adapter again and far cheaper (docs/turbo.md).',
          ),
        weights: z
          .enum(['sma', 'ema'])
          .default('sma')
          .describe(
            'How checkpoints count: all alike (the earlier teacher for those it is made of), or newer ones more.',
          ),
        alpha: z.number().gt(0).max(1).default(0.5).describe('ema: how much each new checkpoint counts.'),
        density: z.number().gt(0).max(1).default(0.8).describe("Share of each tensor's changes that TIES keeps."),
      })
      .prefault({})
      .describe("How the teacher is merged of the run's own checkpoints."),
    kl: z
      .strictObject({
        coef: z.number().min(0).default(1).describe('Weight of the distance.'),
        clip: z
          .enum(['none', 'zero', 'abs', 'k3'])
          .default('zero')
          .describe(
            'Distance of an answer, from the mean difference of log-probs a token: as it is, at least 0, of the sizes, ' +
              "or Schulman's estimate; all but `none` at most 10.",
          ),
        tokens: z
          .enum(['thought', 'all', 'thought-and-noise'])
          .default('thought')
          .describe(
            "Tokens that it is measured on: the thought's; the action's too; or, as a control, the action's against " +
              'seeded noise in place of what the teacher says of them.',
          ),
        from: z
          .enum(['advantage', 'returns'])
          .default('advantage')
          .describe('What it is taken from: advantages alone, or returns, so that the value head learns it too.'),
      })
      .prefault({})
      .describe('gtr-turbo-kl.'),
    sft: z
      .strictObject({
        temperature: z.number().min(0).default(0.2).describe('At which the teacher is sampled.'),
        tries: positive.default(3).describe('Answers until one is well-formed, at most.'),
      })
      .prefault({})
      .describe('gtr-turbo-sft.'),
  })
  .describe("Teachers merged of the run's own checkpoints (GTR-Turbo).");
