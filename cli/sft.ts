/** `gtr sft`: a supervised warm start that writes a checkpoint folder. */
import type { Command } from 'commander';
import { modelFolder } from '../configs/project-folder.ts';
import { type SftConfig, sftConfigSchema } from '../configs/schema.ts';
import { demonstrationCheck } from '../core/corrector/check-demonstration.ts';
import { namedDemonstrations } from '../core/corrector/llava-demonstrations.ts';
import { openWording } from '../core/policy/agent-parts.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { sft, SftResult } from '../workflows/sft.ts';
import { checkGameFiles, checkModelFolders } from './check-model.ts';
import { Interval } from '../core/records/interval.ts';
import { doingText } from '../core/episodes/doing.ts';
import { readConfig } from './config-file.ts';
import { diskOfSft } from '../core/records/run-disk.ts';
import { sayDisk } from './disk.ts';
import { startRun } from './start-run.ts';
import { doingOf } from './doing.ts';
import { withClient, workflowResult } from './temporal.ts';
import { collect } from './train.ts';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds between two lines, and between two repeats for a step that is still running. */
const PRINT_SECONDS = 2;
const REPEAT_SECONDS = 30;

export function register(program: Command): void {
  program
    .command('sft')
    .description('train a checkpoint on demonstrations')
    .requiredOption('--config <file>', 'sft configuration: a file, or a name in configs/')
    .requiredOption('--out <folder>', 'checkpoint folder to write, relative to the project')
    .requiredOption('--id <run>', 'name of the run; it is the workflow id')
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .action(async (options: { config: string; out: string; id: string; set: string[] }) => {
      const config = readConfig(sftConfigSchema, options.config, options.set);
      await checkGameFiles(config);
      const { file, images, count } = config.demonstrations;
      if (file !== null) {
        const items = await Array.fromAsync(namedDemonstrations({ file, images }, modelCheck(config)));
        process.stdout.write(`${items.length} demonstrations in ${file}; ${count} are trained on\n`);
      }
      sayDisk(diskOfSft(config, activityDependencies().store, options.out));
      await withClient(async (client) => {
        await startRun<typeof sft>(client, 'sft', options.id, [{ config, out: options.out }], config.title);
        let ended = false;
        const finished = workflowResult<SftResult>(client, options.id).finally(() => (ended = true));
        let shown = '';
        const printed = new Interval(PRINT_SECONDS);
        let repeated = new Interval(REPEAT_SECONDS);
        while (!ended) {
          await Promise.race([sleep(1000), finished.catch(() => {})]);
          const [doing] = ended ? [] : await doingOf(client, [options.id]);
          if (doing?.doing === undefined || !(doing.doing === shown ? repeated : printed).due()) continue;
          process.stdout.write(`${doingText(doing)}\n`);
          shown = doing.doing;
          repeated = new Interval(REPEAT_SECONDS);
        }
        const { folder, evaluation } = await finished;
        process.stdout.write(
          'Checkpoint: ' +
            `${folder}\n${evaluation === null ? '' : `success ${(100 * evaluation.success).toFixed(1)} % of ${evaluation.episodes} episodes${evaluation.heldOut === null ? '' : `; held-out deals ${(100 * evaluation.heldOut.success).toFixed(1)} %`}\n`}`,
        );
      });
    });
}

/** The starting model's check of demonstrations; for a new model the worker makes and checks it. */
function modelCheck({ model, environment }: SftConfig) {
  const { base, adapter, prompt } = model;
  if (base === null) return undefined;
  checkModelFolders({ base, adapter });
  return demonstrationCheck(openWording({ model: { base, prompt }, environment }, modelFolder));
}
