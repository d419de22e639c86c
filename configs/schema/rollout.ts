/** How experience is sampled. */
import { z } from 'zod';
import { positive } from './values.ts';

export const rollout = z
  .strictObject({
    envStepsPerIteration: positive.default(1024).describe('Kept steps that each iteration trains on.'),
    episodesPerWave: positive
      .default(64)
      .describe('Environments stepped together. A wave ends when all of them have finished their episodes.'),
    temperature: z
      .number()
      .min(0)
      .default(0.2)
      .describe('Sampling temperature; PPO divides the logits by it as well. 0: greedy.'),
    repetitionPenalty: z.number().min(1).default(1.2).describe('Affects sampling only (spec.md section 3).'),
    penalizePrompt: z.boolean().default(false).describe('Count prompt ids in the penalty, too.'),
    maxNewTokens: positive.default(256).describe('Most tokens in a response.'),
    ahead: z
      .int()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        '1: while an iteration updates, the next one is sampled with the policy before the update, so that ' +
          'GPU workers and teacher need not wait; its samples are one update old, which the ratio of PPO ' +
          'accounts for. 0: each iteration samples with its own policy.',
      ),
    groupSize: z
      .int()
      .min(2)
      .default(8)
      .describe(
        'Episodes from the same start, for algorithms that compare them (grpo); must divide `episodesPerWave`.',
      ),
  })
  .describe('How experience is sampled.');
