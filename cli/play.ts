/** `gtr play`: play an environment in the terminal. */
import path from 'node:path';
import type { Command } from 'commander';
import { play } from '../envs/play.ts';
import { gtrHome } from '../workers/installation.ts';
import { applyChange } from './config-file.ts';
import { UsageError } from './errors.ts';
import { collect } from './train.ts';

export function register(program: Command): void {
  program
    .command('play <environment>')
    .description('play an environment in the terminal; each picture is written as a PNG')
    .option('--seed <n>', 'seed of the deal', '1')
    .option('--set <option=value...>', 'options of the environment, e.g. cardFaces=/my/cards', collect, [])
    .action(async (environment: string, { seed, set }: { seed: string; set: string[] }) => {
      if (!/^\d+$/.test(seed)) throw new UsageError(`--seed ${seed}: must be a whole number.`);
      await play(environment, { seed: Number(seed), options: set.reduce(applyChange, {}), folder: path.join(gtrHome(), 'play') });
    });
}
