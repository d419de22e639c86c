/** The policy that is trained. */
import { z } from 'zod';
import { positive } from './values.ts';

const lora = z.strictObject({
  kind: z.literal('lora'),
  rank: positive.default(128).describe('Rank r of every adapter.'),
  alpha: z.number().positive().default(256).describe('Adapters are scaled by alpha / r.'),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe(
      "Share of the adapters' input that is dropped while updating, seeded; samples and old log-probs are without.",
    ),
  parts: z
    .array(z.enum(['language_model', 'vision_tower', 'multi_modal_projector']))
    .min(1)
    .default(['language_model'])
    .describe('Parts whose linear layers carry a new adapter; one that the checkpoint brings is trained as it is.'),
});

export const model = z
  .strictObject({
    base: z
      .string(
        'is not set: name the folder of your checkpoint, e.g. --set model.base=/models/my-llava (README, ' +
          'Configurations)',
      )
      .describe('Folder of the starting checkpoint in Hugging Face format; relative paths count from the project.'),
    adapter: z
      .string()
      .nullable()
      .default(null)
      .describe(
        'Folder of a PEFT LoRA adapter that the run starts from, e.g. one that `gtr export` wrote, with its value ' +
          'head; null: the one that lies in `base`, or none.',
      ),
    train: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('all') }), lora])
      .default({ kind: 'all' })
      .describe('What is trained: all parameters or LoRA adapters.'),
    valueHead: z
      .array(positive)
      .default([1024, 512])
      .describe('Hidden sizes of the value head, if the checkpoint brings none.'),
    prompt: z
      .string()
      .nullable()
      .default(null)
      .describe("Prompt template file: a name in core/policy/prompts or a path; null: the environment's own."),
    imageSize: positive.default(300).describe('Pixels of the drawn observation on each side.'),
  })
  .describe('The policy.');
