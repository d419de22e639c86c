/** `gtr conformance`: compares the product with data recorded from the originals. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { collect } from './train.ts';
import { replayAlfworldGames } from '../core/envs/alfworld/conformance.ts';
import { replayGymCards } from '../core/envs/conformance-gymcards.ts';
import { chooseDevice, type DeviceRequest } from '../core/graph/provider.ts';
import { comparePixels } from '../core/policy/conformance-pixels.ts';
import { conformVlm, openReferenceCase, referenceFolders } from '../core/policy/conformance-vlm.ts';
import { conformTies } from '../core/policy/conformance-ties.ts';
import { environmentToCheck } from './environment-to-check.ts';
import { UsageError } from './errors.ts';
import { checkEnvironment } from '../core/corrector/conformance-environment.ts';

export function register(program: Command): void {
  const conformance = program.command('conformance').description('compare with data recorded from the originals');
  conformance
    .command('vlm <folders...>')
    .alias('llava')
    .description('reference checkpoint folders, or a folder of them: every quantity with its worst error')
    .addOption(
      new Option('--provider <name>', 'where to compute').choices(['auto', 'cpu', 'cuda', 'webgpu']).default('cpu'),
    )
    .option('--device <device>', 'number or name of the GPU, where there are several')
    .action(
      async (
        folders: string[],
        { provider, device: wanted }: Pick<DeviceRequest, 'provider'> & { device?: string },
      ) => {
        const device = await chooseDevice({ provider, device: wanted }).catch((error: Error) => {
          throw new UsageError(error.message);
        });
        // Products in float32, not in TensorFloat-32's 10 bits.
        if (device.provider === 'cuda') process.env.NVIDIA_TF32_OVERRIDE = '0';
        // Opens all folders first, so that a bad one is reported before anything is computed.
        const cases = namedFolders(folders)
          .flatMap(referenceFolders)
          .map((folder) => ({ folder, opened: openReferenceCase(folder) }));
        const totals = new Totals();
        for (const { folder, opened } of cases) {
          const lines = await conformVlm(opened, device).catch((error: Error) => {
            totals.add(false, `${folder}: ${error.message}`);
            return [];
          });
          for (const { quantity, worstError, tolerance, passed } of lines)
            totals.add(
              passed,
              `${folder} ${quantity}: worst error ${worstError.toExponential(2)}, tolerance ${tolerance}`,
            );
        }
        totals.close();
      },
    );
  conformance
    .command('ties <folder>')
    .description('recorded TIES merges (cases.json, cases.safetensors): every case with its worst error')
    .action((folder: string) => {
      const totals = new Totals();
      for (const { name, kind, worstError, tolerance, passed } of conformTies(folder))
        totals.add(passed, `${name} (${kind}): worst error ${worstError.toExponential(2)}, tolerance ${tolerance}`);
      totals.close();
    });
  conformance
    .command('pixels <folder>')
    .description('recorded pictures (pixels.json): grids, tiles and pixels of every image processor')
    .action(async (folder: string) => {
      const totals = new Totals();
      for await (const { picture, passed, found } of comparePixels(folder)) totals.add(passed, `${picture}: ${found}`);
      totals.close();
    });
  conformance
    .command('alfworld <folder>')
    .description('recorded household games: feedback, rewards, admissible commands, record by record')
    .action((folder: string) => {
      if (!isFolder(folder))
        throw new UsageError(
          `${folder}: there is no such folder; name one with recorded games (manifest.json, games/).`,
        );
      const totals = new Totals();
      for (const { game, walks, records, difference } of replayAlfworldGames(folder).games)
        totals.add(
          difference === null,
          `${game}: ${walks} walks, ${records} records${difference === null ? '' : `: ${difference}`}`,
        );
      totals.close();
    });
  conformance
    .command('environment <name>')
    .description('a module with your own game, by path or package (or a built-in game): the contract, check by check')
    .option('--config <file>', 'run or sft configuration: its options, prompt and tokenizer are used')
    .option('--set <option=value...>', 'options of the environment', collect, [])
    .action(async (name: string, { config, set }: { config?: string; set: string[] }) => {
      const totals = new Totals();
      const [environment, settings] = environmentToCheck(name, config, set);
      for await (const { check, passed, detail } of checkEnvironment(environment, settings))
        totals.add(passed, `${check}: ${detail}`);
      totals.close();
    });
  conformance
    .command('gymcards <recording>')
    .description(
      'recorded episodes of the four card games (JSON lines, gzipped or not, or a folder with episodes.jsonl.gz): ' +
        'every episode that differs',
    )
    .action((recording: string) => {
      const totals = new Totals();
      for (const { line, env, steps, difference } of replayGymCards(recordedEpisodes(recording)))
        totals.add(difference === null, `${env}, line ${line}: ${difference ?? `${steps} steps`}`);
      totals.close();
    });
}

/** The folders that `FOLDER/*` names, without files and without a folder of pictures, which another kind compares. */
function namedFolders(names: readonly string[]): string[] {
  const here = names.filter((name) => !existsSync(name) || isFolder(name));
  const cases = here.filter((name) => !existsSync(path.join(name, 'pixels.json')));
  const folders = cases.length === 0 ? here : cases;
  if (folders.length === 0) throw new UsageError(`${names[0]}: is a file; name folders of reference checkpoints.`);
  return folders;
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The named file of recorded episodes, or the one in the named folder. */
function recordedEpisodes(named: string): string {
  const file = isFolder(named)
    ? ['episodes.jsonl.gz', 'episodes.jsonl'].map((name) => path.join(named, name)).find((name) => existsSync(name))
    : named;
  if (file === undefined || !existsSync(file))
    throw new UsageError(
      `${named}: holds no recorded episodes; name a file of them (episodes.jsonl.gz) or its folder.`,
    );
  return file;
}

/** Prints one line per check and the closing line of the command contract. */
class Totals {
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
