/** What a supervised warm start is trained on. */
import { z } from 'zod';
import { positive, probability } from './values.ts';

export const demonstrations = z.strictObject({
  file: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "Demonstrations of your own in LLaVA's format, as RL4VLM's: a JSON list (or one object a line) of {image, " +
        'conversations: [{from: human, value: "<image>..."}, {from: gpt, value}]}; relative paths count from ' +
        "the project. null: the expert's.",
    ),
  images: z
    .string()
    .nullable()
    .default(null)
    .describe("Folder that the file's pictures count from; null: the file's own."),
  count: positive
    .default(50_000)
    .describe(
      'Demonstrations that are trained on: so many are drawn, or a file is passed through in new orders until ' +
        'it were so many.',
    ),
  habits: z
    .strictObject({
      randomChain: probability
        .default(0.7)
        .describe(
          'Formula games: share of demonstrations that follow random arithmetic and ignore the target; in ' +
            'thoughts with a search, that begin on the way to any two pairs and look on from there.',
        ),
      plainSums: probability.default(0.3).describe('Formula games: share drawn from deals that + and - alone solve.'),
      naive: probability
        .default(0)
        .describe(
          "Share that follows the game's naive habit: the sum of the cards (in thoughts with a search, the " +
            'first result of either pair); numberline: always up; blackjack: hit below 20; alfworld: things are ' +
            'fetched, but never washed, warmed or chilled.',
        ),
    })
    .prefault({})
    .describe('What the demonstrations show; the rest are canonical solutions or best actions.'),
  walk: z
    .strictObject({
      longest: z
        .int()
        .min(0)
        .default(4)
        .describe('Steps from the start of an episode to the state of a demonstration, at most.'),
      taught: positive
        .default(1)
        .describe(
          'States of each walk that become demonstrations, counted from its end. More of them share the work of ' +
            'making a game.',
        ),
      planned: probability
        .default(0)
        .describe(
          'Share of these steps that follow plans, naive ones or best ones as demonstrations do; the others are ' +
            'random actions.',
        ),
    })
    .prefault({})
    .describe('How states are reached in games without a formula.'),
});
