/** `gtr gc`: deletes what no live or kept run reaches. Shows it first. */
import type { Client } from '@temporalio/client';
import { type Command, InvalidArgumentError } from 'commander';
import { recordFolder } from '../core/records/run-records.ts';
import { findGarbage } from '../core/artifacts/find-garbage.ts';
import { mapConcurrently } from '../core/artifacts/map-concurrently.ts';
import type { ArtifactRef, ArtifactStore, StoredArtifact } from '../core/artifacts/store.ts';
import { activityDependencies } from '../workers/installation.ts';
import { UsageError } from './errors.ts';
import { megabytes } from '../core/artifacts/megabytes.ts';
import { allExecutions, belongsTo, merged, referencesOfExecution, referencesOfRecords } from './run-references.ts';
import { withClient } from './temporal.ts';
import { collect } from './train.ts';

export function register(program: Command): void {
  program
    .command('gc')
    .description('show the artifacts that no run reaches; with --delete, delete them')
    .option('--delete', 'delete them')
    .option(
      '--drop <run...>',
      'forget this closed run: its records, its workflows, and the artifacts that only it reaches',
      collect,
      [],
    )
    .option('--older-than <age>', 'keep what was stored since, e.g. 30m, 6h, 7d', age, age('1h'))
    .action(async (options: { delete?: boolean; drop: string[]; olderThan: number }) => {
      const { store } = activityDependencies();
      const before = new Date(Date.now() - options.olderThan);
      const { garbage, young, kept, problems } = await withClient((client) =>
        findGarbage(store, () => keptReferences(client, store, options.drop), before),
      );
      for (const { owner, problem } of problems) process.stdout.write(`FAILED ${problem} (named by ${owner})\n`);
      line('kept by runs', kept);
      line('young, spared', young);
      line(options.delete ? 'deleting' : 'not reached', garbage);
      if (!options.delete)
        return void process.stdout.write(
          garbage.length + options.drop.length === 0 ? '' : 'Nothing was deleted; run it again with --delete.\n',
        );
      if (problems.length > 0)
        throw new UsageError(
          `Nothing was deleted: ${problems.length} artifacts of kept runs are missing or damaged, so what they ` +
            `refer to is unknown; restore them, or drop the runs with --drop.`,
        );
      for (const run of options.drop) await withClient((client) => forget(client, store, run));
      const removed = await mapConcurrently(garbage, async (artifact) => {
        const gone = await store.remove(artifact);
        if (gone && artifact.sha256 !== null) await store.forgetHolds(artifact.sha256);
        return gone;
      });
      for (const dropped of options.drop)
        for (const { run, slot, ref } of await store.holds(dropped)) await store.release({ run, slot }, ref);
      process.stdout.write(`Deleted ${removed.filter(Boolean).length}.\n`);
    });
}

function line(name: string, artifacts: readonly StoredArtifact[]): void {
  process.stdout.write(
    `${name.padEnd(14)} ${String(artifacts.length).padStart(7)}  ` +
      `${megabytes(artifacts.reduce((sum, { bytes }) => sum + bytes, 0))}\n`,
  );
}

/** Temporal deletes closed executions a moment later. */
async function forget(client: Client, store: ArtifactStore, run: string): Promise<void> {
  const { namespace } = client.options;
  const own = (await allExecutions(client)).filter((execution) => belongsTo(run, execution));
  await mapConcurrently(own, ({ workflowId, runId }) =>
    client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } }),
  );
  for (const name of await store.listRecords(recordFolder(run))) await store.removeRecord(name);
}

/** References of all records and of every execution that the server knows, by owner, without dropped runs. */
async function keptReferences(
  client: Client,
  store: ArtifactStore,
  dropped: readonly string[],
): Promise<Map<string, ArtifactRef[]>> {
  const executions = await allExecutions(client);
  const records = await store.listRecords('runs');
  for (const run of dropped) {
    const own = executions.filter((execution) => belongsTo(run, execution));
    if (own.some(({ status }) => status.name === 'RUNNING'))
      throw new UsageError(`--drop ${run}: the run is open; stop it first, or wait for its end.`);
    if (own.length === 0 && !records.some((name) => name.startsWith(`${recordFolder(run)}/`)))
      throw new UsageError(
        `--drop ${run}: there is no such run on this server, and no record of it in ${store.location}.`,
      );
  }
  const keptExecutions = executions.filter((execution) => !dropped.some((run) => belongsTo(run, execution)));
  const keptRecords = records.filter((name) => !dropped.some((run) => name.startsWith(`${recordFolder(run)}/`)));
  const folders = [...new Set(keptRecords.map((name) => name.slice(0, name.lastIndexOf('/'))))];
  return merged([
    ...(await mapConcurrently(
      folders,
      async (folder) => [`records ${folder}`, await referencesOfRecords(store, folder)] as const,
    )),
    ...(await mapConcurrently(
      keptExecutions,
      async (execution) => [execution.workflowId, await referencesOfExecution(client, execution)] as const,
    )),
  ]);
}

/** Milliseconds of an age such as 30m, 6h or 7d. */
function age(text: string): number {
  const [, number, unit] = /^(\d+)([mhd])$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('must look like 30m, 6h or 7d.');
  return Number(number) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'm' | 'h' | 'd'];
}
