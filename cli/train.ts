/** `gtr train`: start a run. */
import type { Command } from 'commander';
import { modelFolder } from '../configs/project-folder.ts';
import { type RunConfig, runConfigSchema } from '../configs/schema.ts';
import { asksPaidTeacher } from '../configs/teachers.ts';
import { teacherTerms } from '../core/corrector/teachers.ts';
import { openAgentParts } from '../core/policy/agent-parts.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { train } from '../workflows/train.ts';
import { checkGameFiles, checkModelFolders } from './check-model.ts';
import { readConfig } from './config-file.ts';
import { diskOfRun } from '../core/records/run-disk.ts';
import { sayDisk } from './disk.ts';
import { startRun } from './start-run.ts';
import { withClient } from './temporal.ts';
import { followRun } from './watch.ts';
import { quoted } from './quoted.ts';

export function register(program: Command): void {
  program
    .command('train')
    .description('start a training run')
    .requiredOption('--config <file>', 'run configuration: a file, or a name in configs/')
    .requiredOption('--id <run>', 'name of the run; it is the workflow id')
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .option(
      '--simulator <name>',
      'alfworld: `thor` or `textworld`, the original behind a bridge; short for setting environment.options.source ' +
        'to data and environment.options.simulator',
    )
    .option('--wait', 'follow the run until it ends')
    .action(async (options: { config: string; id: string; set: string[]; simulator?: string; wait?: boolean }) => {
      const config = readConfig(runConfigSchema, options.config, [
        ...simulatorChanges(options.simulator, 'environment.options.'),
        ...options.set,
      ]);
      checkModelFolders(config.model);
      await checkGameFiles(config);
      const { checkpoint } = openAgentParts(config, modelFolder);
      sayDisk(diskOfRun(config, activityDependencies().store, checkpoint));
      await withClient(async (client) => {
        await startRun<typeof train>(client, 'train', options.id, [config], config.title);
        const unpriced = modelWithoutPrice(config);
        if (unpriced !== null)
          process.stderr.write(
            `warning: the price of ${unpriced} is unknown, so the cost of this run will not ` +
              `be either; set corrector.openai.prices.\n`,
          );
        process.stdout.write(`Run ${options.id} started; follow it with \`./gtr watch ${quoted(options.id)}\`.\n`);
        if (options.wait) await followRun(client, options.id);
      });
    });
}

/** Name of the paid teacher's model if its price is unknown; else null. */
function modelWithoutPrice(config: RunConfig): string | null {
  const terms = asksPaidTeacher(config) ? teacherTerms(config) : null;
  return terms?.prices === null ? terms.model : null;
}

/** The changes that `--simulator` makes to an environment's options, whose fields begin with `prefix`. */
export function simulatorChanges(simulator: string | undefined, prefix = ''): string[] {
  return simulator === undefined ? [] : [`${prefix}source=data`, `${prefix}simulator=${simulator}`];
}

/** Collects a repeatable option. */
export function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
