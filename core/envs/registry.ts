/** All environments: the built-in ones, one row each, and modules of users. */
import { ConfigError } from '../../configs/schema.ts';
import { alfworld } from './alfworld/alfworld.ts';
import { blackjack } from './blackjack.ts';
import type { Game } from './env.ts';
import { ezpoints } from './ezpoints.ts';
import { numberline } from './numberline.ts';
import { openenv } from './openenv/openenv.ts';
import { BUILT_IN_MODULES, loadModule, type LoadedModule, packageFolders } from './plug-in.ts';
import { points24 } from './points24.ts';

export const GAMES: readonly Game<any>[] = [points24, ezpoints, numberline, blackjack, alfworld];

/** Games that run on users' servers. */
const SERVED: readonly Game<any>[] = [openenv];

/** The values of `environment.name` other than modules of users. */
export const BUILT_IN_NAMES: readonly string[] = [
  ...[...GAMES, ...SERVED].map(({ name }) => name),
  ...BUILT_IN_MODULES,
];

const findBuiltIn = (name: string) => [...GAMES, ...SERVED].find((game) => game.name === name);

/** The game of this name, or of the module whose path or package it names. Throws `ConfigError`. */
export function gameByName(name: string): Game<any> {
  return findBuiltIn(name) ?? plugIn(name)!.game;
}

/** The module of a game, a user's or of this package; null for games without one. Throws `ConfigError`. */
export function plugIn(name: string): LoadedModule | null {
  if (findBuiltIn(name) !== undefined) return null;
  const loaded = loadModule(name);
  if (loaded === null)
    throw new ConfigError(
      `environment.name: unknown environment "${name}"; known are ${BUILT_IN_NAMES.join(', ')}, and ` +
        'your own by the path of its module, or by a package found from ' +
        `${[...new Set(packageFolders())].join(' or ')} (docs/environments.md).`,
    );
  if (loaded.title !== name && BUILT_IN_NAMES.includes(loaded.title))
    throw new ConfigError(
      `environment.name: the game of ${name} is called ${loaded.title} like a built-in one; rename it.`,
    );
  return loaded;
}
