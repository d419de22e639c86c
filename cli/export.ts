/** `gtr export`: a run's results in other programs' formats. */
import path from 'node:path';
import type { Command } from 'commander';
import { exportRun } from '../core/report/export-run.ts';
import { exportWeights } from './export-weights.ts';
import { readRun } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';

export function register(program: Command): void {
  program
    .command('export <run>')
    .description(
      "write a run's results: weights for transformers, PEFT and later runs, TensorBoard events, metrics, " +
        'corrections with their pictures',
    )
    .requiredOption('--out <folder>', 'folder to write')
    .action(async (run: string, options: { out: string }) => {
      const out = path.resolve(options.out);
      const known = await withClientIfAny((client) => readRun(client, run));
      const written = [...(await exportRun({ out, ...known })), ...(await exportWeights(run, known, out))];
      process.stdout.write(written.map((name) => `${name}\n`).join(''));
    });
}
