/** How experience is sampled. */
import { z } from 'zod';
import { MOST_EPISODES, positive, probability } from './values.ts';

export const rollout = z
  .strictObject({
    envStepsPerIteration: positive.default(1024).describe('Kept steps that each iteration trains on.'),
    episodesPerWave: positive
      .max(MOST_EPISODES)
      .default(64)
      .describe('Environments stepped together. A wave ends when all of them have finished their episodes.'),
    temperature: z
      .number()
      .min(0)
      .default(0.2)
      .describe('Sampling temperature; PPO divides the logits by it as well. 0: greedy.'),
    repetitionPenalty: z.number().min(1).default(1.2).describe('Affects sampling only (spec.md section 3).'),
    penalizePrompt: z.boolean().default(false).describe('Also count prompt ids in the penalty.'),
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
    curriculum: z
      .strictObject({
        success: probability
          .default(0.6)
          .describe('The next environment joins after an iteration in which the newest reached this success rate,'),
        episodes: positive.default(20).describe('over at least so many episodes.'),
        stage: positive.default(1).describe('Environments that are played; a run raises it.'),
      })
      .optional()
      .describe(
        'Easier deals first: of `environments`, which are listed from easy to hard, only the first ones are played, ' +
          'until the agent plays them well. Without it all are played from the beginning.',
      ),
  })
  .describe('How experience is sampled.');
