/** How experience is sampled. */
import { z } from 'zod';
import { positive } from './values.ts';

export const rollout = z
  .strictObject({
    envStepsPerIteration: positive.default(1024).describe('Kept steps that an iteration trains on.'),
    episodesPerWave: positive
      .default(64)
      .describe('Environments stepped together; a wave ends when each has finished its episode.'),
    temperature: z
      .number()
      .min(0)
      .default(0.2)
      .describe("Sampling temperature; also divides the logits of PPO's log-probs. 0: greedy."),
    repetitionPenalty: z.number().min(1).default(1.2).describe('Shapes sampling only (spec.md section 3).'),
    penalizePrompt: z.boolean().default(false).describe('Count prompt ids in the penalty too.'),
    maxNewTokens: positive.default(256).describe('Longest response.'),
    groupSize: z
      .int()
      .min(2)
      .default(8)
      .describe('Episodes from the same start, for algorithms that compare them (grpo); divides `episodesPerWave`.'),
  })
  .describe('How experience is sampled.');
