/** The past in a prompt. */
import { z } from 'zod';
import { positive } from './values.ts';

export const prompt = z
  .strictObject({
    history: z
      .enum(['none', 'text', 'concat'])
      .default('none')
      .describe(
        'Earlier steps of the episode in the prompt. text: observations and answers, in words; ' +
          'concat: the conversation itself, with its pictures (LLaVA). The oldest steps are left out if ' +
          'positions run short.',
      ),
    steps: positive.default(4).describe('Most earlier steps in a prompt.'),
  })
  .describe('The past in prompts.');
