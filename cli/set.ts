/** `gtr set`: the live settings of a run, shown and changed. */
import type { Command } from 'commander';
import { LIVE_SETTINGS } from '../configs/live-settings.ts';
import { parseChange } from './config-file.ts';
import { withClient } from './temporal.ts';

export function register(program: Command): void {
  program
    .command('set <run> [changes...]')
    .description('change settings of a running run: field=value ...; without any, show what can change')
    .action(async (run: string, changes: string[]) => {
      const settings = Object.fromEntries(changes.map(parseChange));
      const values = await withClient(async (client) => {
        const handle = client.workflow.getHandle(run);
        if (changes.length === 0) return await handle.query<Record<string, unknown>>('settings');
        const all = await handle.executeUpdate<Record<string, unknown>, [object]>('set', { args: [settings] });
        return Object.fromEntries(Object.keys(settings).map((field) => [field, all[field]]));
      });
      for (const [field, value] of Object.entries(values))
        process.stdout.write(
          `${`${field}=${JSON.stringify(value)}`.padEnd(40)} ${LIVE_SETTINGS[field as keyof typeof LIVE_SETTINGS]}\n`,
        );
    });
}
