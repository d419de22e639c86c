/** `gtr play`: play an environment in the terminal. */
import type { Command } from 'commander';
import { play } from '../envs/play.ts';

export function register(program: Command): void {
  program
    .command('play <environment>')
    .description('play an environment in the terminal; each picture is written as a PNG')
    .option('--seed <n>', 'seed of the deal', '1')
    .action(async (environment: string, { seed }: { seed: string }) => {
      await play(environment, { seed: Number(seed) });
    });
}
