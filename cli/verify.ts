/** `gtr verify`: checks the hashes of everything that a run refers to. */
import type { Command } from 'commander';
import { reach } from '../core/artifacts/references.ts';
import { activityDependencies } from '../workers/installation.ts';
import { UsageError } from './errors.ts';
import { megabytes } from '../core/artifacts/megabytes.ts';
import { referencesOfRun } from './run-references.ts';
import { withClientIfAny } from './temporal.ts';

export function register(program: Command): void {
  program
    .command('verify <run>')
    .description('check the hash of every artifact that a run refers to; exit code 1 when one is missing or damaged')
    .option('--json', 'one JSON object')
    .action(async (run: string, { json }: { json?: boolean }) => {
      const { store } = activityDependencies();
      const roots = await withClientIfAny((client) => referencesOfRun(client, store, run));
      if (roots.size === 0)
        throw new UsageError(
          `There is no run "${run}" in ${store.location}, and none on a Temporal server that answers; \`./gtr ` +
            'runs` lists the runs.',
        );
      const reached = [...(await reach(store, roots, 'all')).values()];
      const problems = reached.flatMap(({ owner, problem }) => (problem === null ? [] : [{ owner, problem }]));
      const bytes = reached.reduce((sum, { ref }) => sum + ref.bytes, 0);
      if (json)
        process.stdout.write(
          `${JSON.stringify({ run, store: store.location, artifacts: reached.length, bytes, problems }, null, 2)}\n`,
        );
      else {
        for (const { owner, problem } of problems) process.stdout.write(`FAILED ${problem} (named by ${owner})\n`);
        process.stdout.write(
          `${run}: ${reached.length} artifacts, ${megabytes(bytes)}: ` +
            `${problems.length === 0 ? 'all intact' : `${problems.length} missing or damaged`}\n`,
        );
      }
      if (problems.length > 0) process.exitCode = 1;
    });
}
