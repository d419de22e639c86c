/** The game. */
import { z } from 'zod';
import { positive } from './values.ts';

export const environment = z
  .strictObject({
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
      .describe('Most steps of an episode. One that is still open then is truncated and bootstrapped.'),
  })
  .describe('The game that is played.');
