/** The policy that is trained. */
import { z } from 'zod';
import { pictureSize, positive } from './values.ts';

const lora = z.strictObject({
  kind: z.literal('lora'),
  rank: positive.default(128).describe('Rank r of each adapter.'),
  alpha: z.number().positive().default(256).describe('Adapters are scaled by alpha / r.'),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe(
      "Share of the adapters' input that is dropped during updates (seeded); samples and old log-probs use no " +
        'dropout.',
    ),
  parts: z
    .array(z.enum(['language_model', 'vision_tower', 'multi_modal_projector']))
    .min(1)
    .default(['language_model'])
    .describe(
      'Parts whose linear layers get a new adapter. An adapter that the checkpoint brings is trained as it is.',
    ),
});

const BASE_NOT_SET =
  'is not set: name the folder of your checkpoint, e.g. --set model.base=/models/my-llava (docs/models.md)';

export const model = z
  .strictObject({
    base: z
      .string(BASE_NOT_SET)
      .meta({ errorMessage: BASE_NOT_SET })
      .describe('Folder of the starting checkpoint in Hugging Face format; relative paths start at the project.'),
    adapter: z
      .string()
      .nullable()
      .default(null)
      .describe(
        'Folder of a PEFT LoRA adapter to start from, with its value head, e.g. one that `gtr export` wrote; ' +
          'null: the adapter in `base`, if any.',
      ),
    train: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('all') }), lora])
      .default({ kind: 'all' })
      .describe('What is trained: all parameters, or LoRA adapters.'),
    valueHead: z
      .array(positive)
      .default([1024, 512])
      .describe('Hidden sizes of the value head, where the checkpoint has none.'),
    prompt: z
      .string()
      .nullable()
      .default(null)
      .describe("Prompt template: a name in core/policy/prompts or a path; null: the environment's default."),
    imageSize: pictureSize.default(300).describe('Pixels on each side of the observation.'),
  })
  .describe('The policy.');
