/** The games. */
import { z } from 'zod';
import { positive } from './values.ts';

const game = z.strictObject({
  name: z
    .string()
    .describe(
      'Environment: points24, ezpoints, numberline, blackjack, alfworld, frozenlake, sokoban; openenv for a ' +
        'game on a server; or a module with your own game, by package name or path (relative to the project), ' +
        'e.g. ./examples/picture-maze.ts (docs/environments.md).',
    ),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Options of that environment, e.g. {"deals": "seen"}; the environment checks them.'),
  maxEpisodeSteps: positive
    .default(20)
    .describe('Most steps of an episode. An episode that is still open then is truncated and bootstrapped.'),
});

export const environment = game.describe('The game that is played; with `environments`, leave it out.');

const LABEL_FORM = 'must consist of letters, digits, dots, hyphens and underscores';

export const environments = z
  .array(
    game.extend({
      label: z
        .string()
        .regex(/^[\w.-]+$/, LABEL_FORM)
        .meta({ patternErrorMessage: LABEL_FORM })
        .nullable()
        .default(null)
        .describe('Its name in metrics and reports; null: that of the game.'),
      share: z.number().positive().default(1).describe('Its share of the episodes, relative to the others.'),
      prompt: z
        .string()
        .nullable()
        .default(null)
        .describe("Prompt template, as `model.prompt`; null: the environment's own."),
      correct: z
        .boolean()
        .default(true)
        .describe('Whether its thoughts are corrected, if the algorithm corrects any; false: none is judged.'),
      correctorPrompt: z
        .string()
        .nullable()
        .default(null)
        .describe("Wording of a paid teacher's requests, as `corrector.openai.prompt`; null: the environment's own."),
      evaluation: z
        .strictObject({
          options: z.record(z.string(), z.unknown()).default({}).describe('As `evaluation.options`.'),
          heldOut: z
            .record(z.string(), z.unknown())
            .nullable()
            .default(null)
            .describe('As `evaluation.heldOut`; null: it is not part of the evaluation on held-out deals.'),
        })
        .prefault({})
        .describe('Its deals in evaluations.'),
    }),
  )
  .min(1)
  .optional()
  .describe('Several games in one run, mixed by shares (docs/environments.md); instead of `environment`.');

/** One game of a mixture. */
export type MixedEnvironment = NonNullable<z.infer<typeof environments>>[number];
