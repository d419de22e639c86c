/** The training data of a supervised warm start. */
import { z } from 'zod';
import { positive, probability } from './values.ts';

export const demonstrations = z.strictObject({
  file: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "Your own demonstrations in LLaVA's format, as RL4VLM uses it: a JSON list (or one object per line) of " +
        '{image, conversations: [{from: human, value: "<image>..."}, {from: gpt, value}]}. Relative paths start ' +
        "at the project. null: the expert's demonstrations.",
    ),
  images: z
    .string()
    .nullable()
    .default(null)
    .describe('Folder where relative paths of pictures start; null: the folder of the file.'),
  count: positive
    .default(50_000)
    .describe('Demonstrations to train on. A file with fewer is repeated, in a new order each time.'),
  habits: z
    .strictObject({
      randomChain: probability
        .default(0.7)
        .describe(
          'Formula games: share of demonstrations that do random arithmetic and ignore the target. In thoughts ' +
            'with a search: share that start from any two pairs and search on from there.',
        ),
      plainSums: probability
        .default(0.3)
        .describe('Formula games: share drawn from deals that + and - alone can solve.'),
      naive: probability
        .default(0)
        .describe(
          "Share that follow the game's naive habit. Formula games: the sum of the cards (with a search, the " +
            'first result of either pair); numberline: always up; blackjack: hit below 20; alfworld: fetch things ' +
            'but never wash, heat or cool them.',
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
        .describe('Most steps from the start of an episode to the state of a demonstration.'),
      taught: positive
        .default(1)
        .describe(
          'States of each walk that become demonstrations, counted from its end. With more of them, fewer games ' +
            'have to be made.',
        ),
      planned: probability
        .default(0)
        .describe(
          'Share of these steps that follow a plan (naive or best, as in demonstrations); the others are random.',
        ),
    })
    .prefault({})
    .describe('How states are reached in games without a formula.'),
});
