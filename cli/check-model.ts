/** Reports faults in the files that a run will read, if the CLI sees the same disk as the workers. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { modelFolder } from '../configs/project-folder.ts';
import { checkEnvironments } from '../core/envs/check-games.ts';
import { UsageError } from './errors.ts';

export function checkModelFolders({ base, adapter }: { base: string; adapter: string | null }): void {
  const folder = modelFolder(base);
  if (!existsSync(path.join(folder, 'config.json')))
    throw new UsageError(
      `model.base: there is no checkpoint (config.json) in ${folder}; name a folder in Hugging Face format.`,
    );
  if (adapter !== null && !existsSync(path.join(modelFolder(adapter), 'adapter_config.json')))
    throw new UsageError(
      `model.adapter: there is no PEFT adapter (adapter_config.json) in ${modelFolder(adapter)}; name a folder that ` +
        `has one, e.g. of \`gtr export\`.`,
    );
}

/** Reads the environments' files and reports on them. Workers check games that only they can see. */
export async function checkGameFiles(config: Parameters<typeof checkEnvironments>[0]): Promise<void> {
  const named = config.environments ?? [config.environment];
  if (named.some(({ options }) => options.source === 'data') && !process.env.ALFWORLD_DATA) return;
  for (const note of await checkEnvironments(config)) process.stdout.write(`${note}\n`);
}
