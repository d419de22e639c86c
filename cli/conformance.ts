/** `gtr conformance`: compares the product with data recorded from the originals. */
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { replayAlfworldGames } from '../envs/alfworld/conformance.ts';
import { replayGymCards } from '../envs/conformance-gymcards.ts';
import { checkProvider } from '../graph/provider.ts';
import { conformLlava } from '../policy/conformance-llava.ts';
import { UsageError } from './errors.ts';

export function register(program: Command): void {
  const conformance = program.command('conformance').description('compare with data recorded from the originals');
  conformance
    .command('llava <folders...>')
    .description('reference checkpoint folders: every quantity with its worst error')
    .addOption(new Option('--provider <name>', 'where to compute').choices(['cpu', 'cuda']).default('cpu'))
    .action(async (folders: string[], { provider }: { provider: 'cpu' | 'cuda' }) => {
      await checkProvider(provider).catch((error: Error) => {
        throw new UsageError(error.message);
      });
      // Products in float32, not in TensorFloat-32's 10 bits.
      if (provider === 'cuda') process.env.NVIDIA_TF32_OVERRIDE = '0';
      const totals = new Totals();
      for (const folder of folders) {
        const lines = await conformLlava(folder, provider).catch((error: Error) => {
          throw new UsageError(`${folder}: ${error.message}`);
        });
        for (const { quantity, worstError, tolerance, passed } of lines) totals.add(passed, `${folder} ${quantity}: worst error ${worstError.toExponential(2)}, tolerance ${tolerance}`);
      }
      totals.close();
    });
  conformance
    .command('alfworld <folder>')
    .description('recorded household games: feedback, rewards, admissible commands, record by record')
    .action((folder: string) => {
      if (!existsSync(folder)) throw new UsageError(`${folder}: there is no such folder; name one with recorded games (manifest.json, games/).`);
      const totals = new Totals();
      for (const { game, walks, records, difference } of replayAlfworldGames(folder).games) totals.add(difference === null, `${game}: ${walks} walks, ${records} records${difference === null ? '' : `: ${difference}`}`);
      totals.close();
    });
  conformance
    .command('gymcards <file>')
    .description('recorded episodes of the four card games (JSON lines, gzipped or not): every episode that differs')
    .action((file: string) => {
      if (!existsSync(file)) throw new UsageError(`${file}: there is no such file; name recorded episodes (episodes.jsonl.gz).`);
      const totals = new Totals();
      for (const { line, env, steps, difference } of replayGymCards(file)) totals.add(difference === null, `${env}, line ${line}: ${difference ?? `${steps} steps`}`);
      totals.close();
    });
}

/** Prints one line per check and the closing line of the command contract. */
export class Totals {
  #passed = 0;
  #failed = 0;

  add(passed: boolean, line: string): void {
    if (passed) this.#passed++;
    else this.#failed++;
    process.stdout.write(`${passed ? 'ok' : 'FAILED'} ${line}\n`);
  }

  /** Ends with `N passed, M failed`; exit code 1 on a failure. */
  close(): void {
    process.stdout.write(`${this.#passed} passed, ${this.#failed} failed\n`);
    if (this.#failed > 0 || this.#passed === 0) process.exitCode = 1;
  }
}
