/** What `npm start` runs: GTR on Points24 with the built-in model, from nothing to a report. */
import type { Command } from 'commander';
import { runConfigSchema } from '../configs/schema.ts';
import { gtrHome, temporalConfig } from '../workers/installation.ts';
import type { train } from '../workflows/train.ts';
import { readConfig } from './config-file.ts';
import { reportRun } from './report.ts';
import { reportLink } from './report-server.ts';
import { isKnown, startRun } from './start-run.ts';
import { Supervisor, WORKER_ROLES } from './supervisor.ts';
import { serverAnswers, withClient } from './temporal.ts';
import { collect } from './train.ts';
import { startInstallation } from './up.ts';
import { followRun } from './watch.ts';
import { refuseForeignWorkers, workersAnswer } from './workers-answer.ts';

const QUICKSTART_RUN = 'quickstart';

export function register(program: Command): void {
  program
    .command('quickstart')
    .description('what `npm start` does: train the built-in model on Points24 and show it')
    .option('--config <file>', 'run configuration', 'quickstart')
    .option('--id <run>', 'name of the run', QUICKSTART_RUN)
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .action(async ({ config, id, set }: { config: string; id: string; set: string[] }) => {
      const supervisor = new Supervisor(gtrHome(), (line) => process.stdout.write(`${line}\n`));
      const outcome = await supervisor.during(() => runQuickstart(supervisor, config, id, set));
      if (outcome === 'interrupted') process.stdout.write('The run is kept; `npm start` continues it.\n');
    });
}

async function runQuickstart(supervisor: Supervisor, configFile: string, id: string, changes: string[]): Promise<void> {
  if (await serverAnswers()) await refuseForeignWorkers();
  if (!(await workersAnswer())) {
    await startInstallation(supervisor, { server: true, roles: WORKER_ROLES });
    await supervisor.serveReports();
    supervisor.trackRuns();
  }
  await withClient(async (client) => {
    const { address } = temporalConfig();
    const uiPort = Number(address.slice(address.lastIndexOf(':') + 1)) + 1000;
    const link = `http://localhost:${uiPort}/namespaces/default/workflows/${encodeURIComponent(id)}`;
    if (!(await isKnown(client, id))) {
      const config = readConfig(runConfigSchema, configFile, changes);
      await startRun<typeof train>(client, 'train', id, [config], config.title);
      process.stdout.write(`Run ${id}: ${config.title}\n`);
    } else {
      process.stdout.write(
        `Run ${id} was started before and continues (or is done); for another one: ./gtr train ` +
          `--config ${configFile} --id NAME --wait\n`,
      );
    }
    process.stdout.write(`Follow the run: ${reportLink(id)}\nTemporal's Web UI: ${link}\n`);
    await followRun(client, id);
    process.stdout.write(`Report: ${await reportRun(client, id)}\n`);
  });
}
