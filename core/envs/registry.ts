/** All environments, one row each. */
import { ConfigError } from '../../configs/schema.ts';
import { alfworld } from './alfworld/alfworld.ts';
import { blackjack } from './blackjack.ts';
import type { Game } from './env.ts';
import { ezpoints } from './ezpoints.ts';
import { numberline } from './numberline.ts';
import { points24 } from './points24.ts';

export const GAMES: readonly Game<any>[] = [points24, ezpoints, numberline, blackjack, alfworld];

/** The game of this name. Throws `ConfigError` naming the known ones. */
export function gameByName(name: string): Game<any> {
  const game = GAMES.find((candidate) => candidate.name === name);
  if (game === undefined)
    throw new ConfigError(
      `environment.name: unknown environment "${name}"; known are ${GAMES.map(({ name }) => name).join(', ')}.`,
    );
  return game;
}
