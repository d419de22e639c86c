/** The game. */
import { z } from 'zod';
import { positive } from './values.ts';

export const environment = z
  .strictObject({
    name: z
      .string()
      .describe(
        'Environment: points24, ezpoints, numberline, blackjack, alfworld, frozenlake, sokoban; openenv, a game of a ' +
          'server; or the path (relative: from the project) or package of a module with your own game, e.g. ' +
          './examples/picture-maze.ts (docs/environments.md).',
      ),
    options: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Options of that environment, e.g. {"deals": "seen"}; checked by it.'),
    maxEpisodeSteps: positive
      .default(20)
      .describe('An episode still open after so many steps is truncated there and bootstrapped.'),
  })
  .describe('What is played.');
