/** What of the past stands in a prompt. */
import { z } from 'zod';
import { positive } from './values.ts';

export const prompt = z
  .strictObject({
    history: z
      .enum(['none', 'text', 'concat'])
      .default('none')
      .describe(
        'What the agent is told of earlier steps of its episode. text: observations and answers, in words; ' +
          'concat: the conversation itself, with its pictures (LLaVA). The oldest steps are left out where ' +
          'positions run short.',
      ),
    steps: positive.default(4).describe('Earlier steps that are told, at most.'),
  })
  .describe('The past in prompts.');
