/** `gtr export`: what a run made, in other programs' formats. */
import path from 'node:path';
import type { Command } from 'commander';
import { exportWeights } from './export-weights.ts';
import { withClient } from './temporal.ts';

export function register(program: Command): void {
  program
    .command('export <run>')
    .description('write the trained weights for transformers, PEFT and later runs')
    .requiredOption('--out <folder>', 'folder to write')
    .action(async (run: string, { out }: { out: string }) => {
      const folders = await withClient((client) => exportWeights(client, run, path.resolve(out)));
      process.stdout.write(folders.map((folder) => `${folder}\n`).join(''));
    });
}
