/** `gtr evaluate`: success of a policy on fixed deals, with its interval. */
import type { Client } from '@temporalio/client';
import { type Command, InvalidArgumentError } from 'commander';
import type { ArtifactRef } from '../artifacts/store.ts';
import { runConfigSchema } from '../configs/schema.ts';
import type { evaluate } from '../workflows/evaluate.ts';
import type { TrainResult } from '../workflows/train.ts';
import { checkModelFolders } from './check-model.ts';
import { readConfig } from './config-file.ts';
import { startRun } from './start-run.ts';
import { withClient } from './temporal.ts';
import { collect } from './train.ts';

export function register(program: Command): void {
  program
    .command('evaluate')
    .description('evaluate a policy on fixed deals')
    .requiredOption('--config <file>', 'run configuration that names environment, model and evaluation')
    .option('--policy <ref>', '`start` (the checkpoint itself) or the id of a finished run', 'start')
    .option('--episodes <n>', 'episodes', positiveInteger)
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .option('--json', 'one JSON object')
    .action(async (options: { config: string; policy: string; episodes?: number; set: string[]; json?: boolean }) => {
      const changes = options.episodes === undefined ? options.set : [...options.set, `evaluation.episodes=${options.episodes}`];
      const config = readConfig(runConfigSchema, options.config, changes);
      checkModelFolders(config.model);
      const result = await withClient(async (client) => {
        const policy = await resolvePolicy(client, options.policy);
        const handle = await startRun<typeof evaluate>(client, 'evaluate', `evaluate-${options.policy}-${Date.now()}`, [{ config, policy }], `evaluate ${options.policy}`);
        return await handle.result();
      });
      const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
      process.stdout.write(
        options.json ? `${JSON.stringify(result, null, 2)}\n` : `success ${percent(result.success)} (95 %: ${percent(result.low)} to ${percent(result.high)}, ${result.episodes} episodes), mean reward ${result.reward.toFixed(2)}\n`,
      );
    });
}

/** The policy of a finished run; null for the starting checkpoint. */
async function resolvePolicy(client: Client, ref: string): Promise<ArtifactRef | null> {
  if (ref === 'start') return null;
  return ((await client.workflow.getHandle(ref).result()) as TrainResult).policy;
}

function positiveInteger(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number from 1.');
  return number;
}
