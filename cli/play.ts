/** `gtr play`: play an environment in the terminal. */
import path from 'node:path';
import type { Command } from 'commander';
import { play } from '../core/envs/play.ts';
import { gtrHome } from '../workers/installation.ts';
import { applyChange } from './config-file.ts';
import { namedEnvironment } from './environment-to-check.ts';
import { UsageError } from './errors.ts';
import { collect, simulatorChanges } from './train.ts';

export function register(program: Command): void {
  program
    .command('play <environment>')
    .description('play an environment (or the module of your own) in the terminal; each picture is written as a PNG')
    .option('--seed <n>', 'seed of the deal', '1')
    .option('--set <option=value...>', 'options of the environment, e.g. cardFaces=/my/cards', collect, [])
    .option(
      '--simulator <name>',
      'alfworld: `thor` or `textworld`, the original behind a bridge; short for --set source=data --set ' +
        'simulator=<name>',
    )
    .action(
      async (environment: string, { seed, set, simulator }: { seed: string; set: string[]; simulator?: string }) => {
        if (!/^\d+$/.test(seed)) throw new UsageError(`--seed ${seed}: must be a whole number.`);
        await play(namedEnvironment(environment), {
          seed: Number(seed),
          options: [...simulatorChanges(simulator), ...set].reduce(applyChange, {}),
          folder: path.join(gtrHome(), 'play'),
        });
      },
    );
}
