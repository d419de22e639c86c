/** `gtr pause`, `gtr resume`, `gtr stop`: steering a run by signals. */
import type { Command } from 'commander';
import { withClient } from './temporal.ts';

export function register(program: Command): void {
  const verb = (name: string, description: string, done: string) =>
    program
      .command(`${name} <run>`)
      .description(description)
      .action(async (run: string) => {
        await withClient((client) => client.workflow.getHandle(run).signal(name));
        process.stdout.write(`${run}: ${done}\n`);
      });
  verb('pause', 'let the running activities finish, then wait', 'pauses after the activities that run now.');
  verb('resume', 'continue a paused run', 'continues.');
  program
    .command('stop <run>')
    .description('end a run after its iteration')
    .option('--now', 'drop the running iteration')
    .action(async (run: string, { now }: { now?: boolean }) => {
      await withClient((client) => client.workflow.getHandle(run).signal('stop', now ? 'now' : 'finish'));
      process.stdout.write(`${run}: stops ${now ? 'now' : 'after the running iteration'}.\n`);
    });
}
